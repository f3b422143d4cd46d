#include "kernels/relation_conv/relation_conv.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/relation_conv/relation_conv_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

constexpr long kRelations = 5;  // as in the encoder
constexpr int kOffsets[kRelations] = {0, -1, 1, -2, 2};

enum class Part { forward, adjoint_x, adjoint_W };

// Arguments: proteins, residues of each, channels in and out. Seed 1.
template <Part kPart>
void relation_conv_case(benchmark::State& state) {
  const PairLayout layout(std::vector<PairMember>(state.range(0), single_chain(state.range(1))));
  const PairBatch batch = layout.view();
  const long n = layout.residues(), c = state.range(2), rows = kRelations * c;
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal;
  const auto random = [&](long size) {
    std::vector<float> values(size);
    for (float& v : values) v = normal(engine);
    return bench::Array<float>(values);
  };
  const bench::Array<float> x = random(n * c), W = random(rows * c), dy = random(n * c);
  const bench::Array<float> y(n * c), dx(n * c), dW(rows * c);

  const auto run = [&] {
    bench::on_device([&](auto device) {
      const auto xs = x.matrix(n, c), Ws = W.matrix(rows, c), dys = dy.matrix(n, c);
      if constexpr (kPart == Part::forward)
        kernels::relation_conv<float>(device, layout.view(device), kOffsets, xs, Ws, {y.data(), n, c});
      if constexpr (kPart == Part::adjoint_x)
        kernels::relation_conv_adjoint_x_accumulate<float>(device, layout.view(device), kOffsets, dys, Ws,
                                                           {dx.data(), n, c});
      if constexpr (kPart == Part::adjoint_W)
        kernels::relation_conv_adjoint_W_accumulate<float>(device, layout.view(device), kOffsets, xs, dys,
                                                           {dW.data(), rows, c});
    });
  };
  run();
  const std::vector<float> xh = x.host(), Wh = W.host(), dyh = dy.host();
  const std::vector<double> xd(xh.begin(), xh.end()), Wd(Wh.begin(), Wh.end()), dyd(dyh.begin(), dyh.end());
  std::vector<double> want_y(n * c), want_dx(n * c), want_dW(rows * c);
  kernels::relation_conv_spec(batch, kOffsets, {xd.data(), n, c}, {Wd.data(), rows, c}, {want_y.data(), n, c});
  kernels::relation_conv_adjoint_spec(batch, kOffsets, {xd.data(), n, c}, {Wd.data(), rows, c}, {dyd.data(), n, c},
                                      {want_dx.data(), n, c}, {want_dW.data(), rows, c});
  const auto& got = kPart == Part::forward ? y : kPart == Part::adjoint_x ? dx : dW;
  const auto& want = kPart == Part::forward ? want_y : kPart == Part::adjoint_x ? want_dx : want_dW;
  if (testing::nmse(got.host().data(), want.data(), got.size()) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");

  bench::measure(state, run, 4.0 * double(2 * n * c + rows * c), 2.0 * double(n) * double(rows) * double(c));
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"proteins", "residues", "channels"})->Args({1, 128, 64})->Args({1, 256, 96})->Args({8, 256, 96});
  bench::repeated(b);
}
BENCHMARK(relation_conv_case<Part::forward>)->Name("relation_conv")->Apply(sizes);
BENCHMARK(relation_conv_case<Part::adjoint_x>)->Name("relation_conv/adjoint_x")->Apply(sizes);
BENCHMARK(relation_conv_case<Part::adjoint_W>)->Name("relation_conv/adjoint_W")->Apply(sizes);

}  // namespace
