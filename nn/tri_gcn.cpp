#include "nn/tri_gcn.h"

#include <array>
#include <stdexcept>

#include "autograd/tape.h"
#include "nn/activations.h"

namespace heartbeat::nn {
namespace {

constexpr std::uint32_t kNoiseLayer = 1u << 16;  // of a RandomKey; dropout has the blocks' numbers
constexpr std::array<int, 5> kDilations = {1, 2, 4, 8, 16};

void append(Parameters& all, const std::string& name, const Parameters& children) {
  for (const NamedTensor& p : prefixed({{name, children}})) all.push_back(p);
}

}  // namespace

TriGcnOptions tri_gcn_options(const std::string& size) {
  TriGcnOptions o;
  if (size == "T") {
    o.encoder.width = 64;
    o.channels = 32;
    o.blocks = 12;
    o.hidden = 16;
  } else if (size == "M") {
    o.blocks = 32;
  } else if (size != "S") {
    throw std::invalid_argument("model size '" + size + "' is not known; choose T, S or M");
  }
  return o;
}

TriGcn::TriGcn(const TriGcnOptions& o, Init& init)
    : options(o),
      encoder(o.encoder, init),
      pair_init(o.encoder.width, o.channels, init),
      head(o.channels, o.outputs, o.frequency, init) {
  if (o.noise) rand_fc.emplace(kNoise, o.encoder.width, init);
  for (int k = 0; k < o.blocks; ++k) {
    trunk.emplace_back(PairBlockOptions{.channels = o.channels,
                                        .dilation = kDilations[k % kDilations.size()],
                                        .tie = o.tie,
                                        .dropout = o.dropout,
                                        .layer = std::uint32_t(k),
                                        .residual_gain = o.residual_gain},
                       init);
    if (triangle_follows(k)) triangles.emplace_back(o.channels, o.hidden, o.triangle, init);
  }
}

bool TriGcn::triangle_follows(size_t block) const {
  return options.triangle_every > 0 && (block + 1) % options.triangle_every == 0;
}

Tensor TriGcn::operator()(const Layout& layout, const Ids& tokens, const Mode& mode) const {
  // What is recomputed goes into the closure by value: tensors share storage, and the tape may outlive the model.
  const auto run = [&](const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
    return options.recompute ? heartbeat::recompute(f, x) : f(x);
  };
  Tensor h = leaving("encoder", encoder(layout, tokens));
  if (rand_fc) {
    const RandomKey key{mode.seed, mode.step, kNoiseLayer, mode.device_step};
    const Tensor noise = normal_noise({h.dim(0), kNoise}, key, rand_fc->W.dtype(), h.device());
    h = add(h, cast(leaving("rand_fc", relu((*rand_fc)(noise))), h.dtype()));
  }
  Tensor x = leaving("pair_init", pair_init(layout, h));
  auto triangle = triangles.begin();
  for (size_t k = 0; k < trunk.size(); ++k) {
    x = run([block = trunk[k], layout, mode](const Tensor& x) { return block(layout, x, mode); }, x);
    if (triangle_follows(k)) x = run([update = *triangle++, layout](const Tensor& x) { return update(layout, x); }, x);
  }
  return leaving("head", head(leaving("trunk", x)));
}

Parameters TriGcn::parameters() const {
  Parameters all = encoder.parameters();
  if (rand_fc) append(all, "rand_fc", rand_fc->parameters());
  append(all, "pair_init", pair_init.parameters());
  size_t triangle = 0;
  for (size_t k = 0; k < trunk.size(); ++k) {
    append(all, "trunk." + std::to_string(k), trunk[k].parameters());
    if (!triangle_follows(k)) continue;
    append(all, "triangles." + std::to_string(triangle), triangles[triangle].parameters());
    ++triangle;
  }
  append(all, "head", head.parameters());
  return all;
}

}  // namespace heartbeat::nn
