#include "nn/tri_gcn.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "autograd/tape.h"
#include "tests/support/modules.h"
#include "tests/support/pair_layouts.h"
#include "tests/support/parity.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

constexpr EncoderKind kEncoders[] = {EncoderKind::relation, EncoderKind::ggn, EncoderKind::gcn};

Ids tokens_for(const Layout& layout, unsigned seed = 1) {
  std::mt19937 engine(seed);
  std::vector<int> tokens(layout->residues());
  for (int& t : tokens) t = int(engine() % kTokens);
  return std::make_shared<const std::vector<int>>(std::move(tokens));
}

// Three blocks and one triangle update, of a size that every coordinate can be checked. A norm over fewer channels
// meets rows that are nearly constant, where central differences are no reference.
TriGcnOptions tiny(EncoderKind kind = EncoderKind::relation) {
  TriGcnOptions o;
  o.encoder = {.kind = kind, .width = 6, .depth = 1};
  o.channels = 6;
  o.blocks = 3;
  o.triangle_every = 2;
  o.hidden = 5;
  o.outputs = 2;
  return o;
}

TriGcn make(const TriGcnOptions& o, Dtype dtype = Dtype::f32) {
  Init init{.seed = 1, .dtype = dtype};
  return TriGcn(o, init);
}

long count_with(const Parameters& parameters, const std::string& prefix) {
  long count = 0;
  for (const NamedTensor& p : parameters) count += p.name.starts_with(prefix) ? p.tensor.numel() : 0;
  return count;
}

TEST(TriGcn, ParameterCountsAreThoseOfTheDesign) {
  EXPECT_EQ(count_of(make(tri_gcn_options("T")).parameters()), 369896);
  EXPECT_EQ(count_of(make(tri_gcn_options("M")).parameters()), 2797480);
  const Parameters s = make(tri_gcn_options("S")).parameters();
  EXPECT_EQ(count_of(s), 1552552);
  EXPECT_EQ(count_with(s, "embedding.") + count_with(s, "blocks."), 280224);
  EXPECT_EQ(count_with(s, "pair_init."), 22592);
  EXPECT_EQ(count_with(s, "trunk."), 1185792);
  EXPECT_EQ(count_with(s, "triangles."), 59136);
  EXPECT_EQ(count_with(s, "head."), 4808);
}

TEST(TriGcn, NamesAreUniqueAndFollowTheForwardPass) {
  const std::vector<std::string> names = names_of(make(tiny()).parameters());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  std::vector<std::string> parts;  // the module each parameter belongs to, once
  for (const std::string& name : names) {
    const std::string part = name.substr(0, name.find('.', name.find('.') + 1));
    const bool numbered = name.starts_with("trunk.") || name.starts_with("triangles.");
    if (numbered && (parts.empty() || parts.back() != part)) parts.push_back(part);
  }
  EXPECT_EQ(parts, (std::vector<std::string>{"trunk.0", "trunk.1", "triangles.0", "trunk.2"}));
  EXPECT_EQ(names.front(), "embedding.weight");
  EXPECT_EQ(names.back(), "head.out.bias");
}

TEST(TriGcn, DilationsCycleAndEachDropoutHasItsOwnLayer) {
  const TriGcn model = make(tri_gcn_options("T"));
  EXPECT_EQ(model.triangles.size(), 3u);
  const int want[] = {1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 1, 2};
  for (size_t k = 0; k < model.trunk.size(); ++k) {
    EXPECT_EQ(model.trunk[k].conv1.dilation, want[k]);
    EXPECT_EQ(model.trunk[k].conv2.dilation, want[k]);
    EXPECT_EQ(model.trunk[k].layer, k);
  }
}

TEST(TriGcn, EveryParameterGetsAFiniteGradient) {
  struct Case {
    EncoderKind encoder;
    int blocks;
    Tie tie;
  };
  const Layout layout = layout_of({single_chain(17, 1), complex_of({7, 6}, 2), crop_of({{4, 10}, {40, 47}}, 3)});
  const Ids tokens = tokens_for(layout);
  for (const Case& c : {Case{EncoderKind::relation, 12, Tie::none}, Case{EncoderKind::relation, 4, Tie::transpose},
                        Case{EncoderKind::relation, 0, Tie::none}, Case{EncoderKind::ggn, 4, Tie::none},
                        Case{EncoderKind::ggn, 0, Tie::none}, Case{EncoderKind::gcn, 4, Tie::none}}) {
    SCOPED_TRACE(::testing::Message() << "encoder " << int(c.encoder) << ", " << c.blocks << " blocks, tie "
                                      << int(c.tie));
    TriGcnOptions o = tri_gcn_options("T");
    o.encoder.kind = c.encoder;
    o.blocks = c.blocks;
    o.tie = c.tie;
    o.frequency = std::vector<double>(kChannels, 0.02);
    const TriGcn model = make(o);
    const Tensor logits = model(layout, tokens, {.training = true, .step = 1, .seed = 2});
    ASSERT_EQ(logits.shape(), (Shape{layout->pairs(), kChannels}));
    backward(logits, random_normal(logits.shape(), Dtype::f32, 3));
    for (const NamedTensor& p : model.parameters()) {
      ASSERT_TRUE(p.tensor.has_grad()) << p.name;
      const float* gradient = p.tensor.grad<float>().data;
      const double energy = std::inner_product(gradient, gradient + p.tensor.numel(), gradient, 0.0);
      EXPECT_TRUE(std::isfinite(energy)) << p.name;
      // Behind an output projection that starts at 0 there is nothing to hear yet.
      const bool waits = p.name.starts_with("triangles.") && p.name.find(".out.") == std::string::npos;
      EXPECT_EQ(energy == 0, waits) << p.name;
    }
  }
}

TEST(TriGcn, GradientMatchesCentralDifferences) {
  const Layout layout = layout_of({complex_of({3, 2}), single_chain(2)});
  const Ids tokens = tokens_for(layout);
  for (EncoderKind kind : kEncoders) {
    TriGcnOptions o = tiny(kind);
    if (kind != EncoderKind::relation) o.blocks = 0;  // one encoder with the trunk, all without
    const TriGcn model = make(o, Dtype::f64);
    unsigned seed = 10;
    for (const NamedTensor& p : model.parameters()) {  // away from the zeros and ones it starts with
      const Tensor random = random_normal(p.tensor.shape(), Dtype::f64, seed++);
      for (long k = 0; k < random.numel(); ++k) p.tensor.data<double>()[k] += 0.1 * random.at(k);
    }
    const Mode mode{.training = true, .step = 1, .seed = 2};
    EXPECT_LT(module_gap(model.parameters(), {}, [&] { return model(layout, tokens, mode); }), kGradientBound)
        << "encoder " << int(kind);
  }
}

TEST(TriGcn, RecomputingChangesMemoryAndNotOneBit) {
  const Layout layout = chains_of({24, 9});
  const Ids tokens = tokens_for(layout);
  const Mode mode{.training = true, .step = 4, .seed = 2};
  std::vector<double> logits[2];
  std::vector<float> gradients[2];
  std::size_t peak[2];
  for (bool again : {false, true}) {
    TriGcnOptions o = tri_gcn_options("T");
    o.recompute = again;
    const TriGcn model = make(o);
    const std::size_t before = memory_report().live;
    reset_peak_memory();
    const Tensor y = model(layout, tokens, mode);
    backward(y, random_normal(y.shape(), Dtype::f32, 3));
    peak[again] = memory_report().peak - before;
    logits[again] = y.to_vector();
    for (const NamedTensor& p : model.parameters()) {
      const float* gradient = p.tensor.grad<float>().data;
      gradients[again].insert(gradients[again].end(), gradient, gradient + p.tensor.numel());
    }
  }
  EXPECT_EQ(logits[0], logits[1]);
  EXPECT_EQ(gradients[0], gradients[1]);
  EXPECT_LT(double(peak[1]), 0.7 * double(peak[0]));
}

// The neighbours' letter stands for NaN: a single one that crossed into the protein would be seen. What is left is the
// rounding of a dense product, which in OpenBLAS depends on the place of a row; the pair ops are bitwise the same (see
// their own tests).
TEST(TriGcn, AProteinInABatchIsTheProteinAlone) {
  const Layout together = layout_of({single_chain(11, 5), complex_of({9, 12}, 6), single_chain(17, 7)});
  const Layout alone = layout_of({complex_of({9, 12}, 6)});
  std::vector<int> all(together->residues(), kUnknown), own(alone->residues());
  for (size_t i = 0; i < own.size(); ++i) all[11 + i] = own[i] = int(i * 7 % kUnknown);
  const TriGcn model = make(tri_gcn_options("T"));
  std::fill_n(model.encoder.embedding.W.value<float>().row(kUnknown), 64, NAN);
  const Mode mode{.training = true, .step = 4, .seed = 2};
  const NoGrad no_grad;
  const Tensor y = model(together, std::make_shared<const std::vector<int>>(all), mode);
  const Tensor y_own = model(alone, std::make_shared<const std::vector<int>>(own), mode);
  const long first = together->map(1).first_pair * kChannels;
  EXPECT_TRUE(std::isnan(y.at(first - 1)));
  EXPECT_TRUE(std::isnan(y.at(first + y_own.numel())));
  EXPECT_LT(nmse(y.data<float>() + first, y_own.to_vector().data(), y_own.numel()), parity_bound(Dtype::f32));
}

// Without triangles nothing crosses from one chain into the triangle of the other; with them it does.
TEST(TriGcn, OnlyTriangleUpdatesCrossChains) {
  const long first = 6, second = 5;
  const Layout layout = layout_of({complex_of({first, second})});
  const Ids tokens = tokens_for(layout);
  std::vector<int> changed = *tokens;
  changed[first + 2] = (changed[first + 2] + 1) % kTokens;
  const Ids other = std::make_shared<const std::vector<int>>(changed);
  for (int every : {0, 4}) {
    TriGcnOptions o = tri_gcn_options("T");
    o.triangle_every = every;
    const TriGcn model = make(o);
    for (const TriangleMultiplication& t : model.triangles)
      for (long k = 0; k < t.out.W.numel(); ++k) t.out.W.data<float>()[k] = float(std::sin(double(k)));
    const NoGrad no_grad;
    const Tensor before = model(layout, tokens), after = model(layout, other);
    bool moved = false;
    for (long i = 0; i < first; ++i)
      for (long j = i; j < first; ++j)
        for (long k = 0; k < kChannels; ++k) {
          const long e = layout->map(0).row(i, j) * kChannels + k;
          moved |= before.at(e) != after.at(e);
        }
    EXPECT_EQ(moved, every != 0);
  }
}

TEST(TriGcn, UnknownSizeNamesTheThree) {
  try {
    tri_gcn_options("XL");
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "model size 'XL' is not known; choose T, S or M");
  }
}

}  // namespace
}  // namespace heartbeat::nn
