#include "kernels/pair_init/pair_init.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/pair_init/pair_init_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

struct Problem {
  PairLayout layout;
  long d, C;
  std::vector<float> h, weights, z;

  Problem(long length, long d, long C)
      : layout({single_chain(length)}),
        d(d),
        C(C),
        h(length * d),
        weights(C * (3 * d + kBuckets + 1)),
        z(layout.pairs() * C) {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    for (auto* part : {&h, &weights, &z})
      for (float& v : *part) v = normal(engine);
  }
  template <class T>
  kernels::PairInitWeights<T> split(T* w) const {
    const long one = C * d;
    return {{w, C, d},
            {w + one, C, d},
            {w + 2 * one, C, d},
            {w + 3 * one, kBuckets, C},
            {w + 3 * one + kBuckets * C, 1, C}};
  }
};

// Arguments: residues, state size d, pair channels C.
void forward(benchmark::State& state) {
  Problem p(state.range(0), state.range(1), state.range(2));
  const long L = state.range(0);
  const auto run = [&] {
    kernels::pair_init<float>(Cpu{}, p.layout.view(), {p.h.data(), L, p.d}, p.split<const float>(p.weights.data()),
                              {p.z.data(), p.layout.pairs(), p.C});
  };
  run();
  if (L <= 128) {
    std::vector<double> h(p.h.begin(), p.h.end()), w(p.weights.begin(), p.weights.end()), want(p.z.size());
    kernels::pair_init_spec(p.layout.view(), {h.data(), L, p.d}, p.split<const double>(w.data()),
                            {want.data(), p.layout.pairs(), p.C});
    if (testing::nmse(p.z.data(), want.data(), long(want.size())) > testing::parity_bound(Dtype::f32))
      return state.SkipWithError("wrong result");
  }
  for (auto _ : state) run();
  bench::declare(state, 4.0 * (p.h.size() + p.weights.size() + p.z.size()), 2.0 * p.z.size() * p.d);
}

void backward(benchmark::State& state) {
  Problem p(state.range(0), state.range(1), state.range(2));
  const long L = state.range(0);
  std::vector<float> dh(p.h.size()), dw(p.weights.size());
  for (auto _ : state)
    kernels::pair_init_backward<float>(Cpu{}, p.layout.view(), {p.z.data(), p.layout.pairs(), p.C},
                                       {p.h.data(), L, p.d}, p.split<const float>(p.weights.data()),
                                       {dh.data(), L, p.d}, p.split<float>(dw.data()));
  bench::declare(state, 4.0 * (2 * p.h.size() + 2 * p.weights.size() + p.z.size()), 4.0 * p.z.size() * p.d);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"L", "d", "C"})->ArgsProduct({{64, 128, 256}, {96}, {64}})->Apply(bench::repeated);
}
BENCHMARK(forward)->Name("pair_init")->Apply(sizes);
BENCHMARK(backward)->Name("pair_init_backward")->Apply(sizes);

}  // namespace
