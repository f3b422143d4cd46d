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
  bench::Array<float> h, weights, z;

  Problem(long length, long d, long C)
      : layout({single_chain(length)}),
        d(d),
        C(C),
        h(random(length * d, 1)),
        weights(random(C * (3 * d + kBuckets + 1), 2)),
        z(random(layout.pairs() * C, 3)) {}
  static std::vector<float> random(long n, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (float& v : values) v = normal(engine);
    return values;
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
    bench::on_device([&](auto device) {
      kernels::pair_init<float>(device, p.layout.view(device), p.h.matrix(L, p.d),
                                p.split<const float>(p.weights.data()), p.z.matrix(p.layout.pairs(), p.C));
    });
  };
  run();
  if (L <= 128) {
    const std::vector<float> hh = p.h.host(), wh = p.weights.host();
    std::vector<double> h(hh.begin(), hh.end()), w(wh.begin(), wh.end()), want(p.z.size());
    kernels::pair_init_spec(p.layout.view(), {h.data(), L, p.d}, p.split<const double>(w.data()),
                            {want.data(), p.layout.pairs(), p.C});
    if (testing::nmse(p.z.host().data(), want.data(), long(want.size())) > testing::parity_bound(Dtype::f32))
      return state.SkipWithError("wrong result");
  }
  bench::measure(state, run, 4.0 * (p.h.size() + p.weights.size() + p.z.size()), 2.0 * p.z.size() * p.d);
}

void backward(benchmark::State& state) {
  Problem p(state.range(0), state.range(1), state.range(2));
  const long L = state.range(0);
  const bench::Array<float> dz(Problem::random(p.z.size(), 4)), dh(p.h.size()), dw(p.weights.size());
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::pair_init_backward<float>(device, p.layout.view(device), dz.matrix(p.layout.pairs(), p.C),
                                         p.h.matrix(L, p.d), p.split<const float>(p.weights.data()), dh.matrix(L, p.d),
                                         p.split<float>(dw.data()));
    });
  };
  run();
  bench::on_device([&](auto device) {
    kernels::pair_init<float>(device, p.layout.view(device), p.h.matrix(L, p.d), p.split<const float>(p.weights.data()),
                              p.z.matrix(p.layout.pairs(), p.C));
  });
  if (!bench::is_adjoint(dz, p.z, dw, p.weights)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 4.0 * (2 * p.h.size() + 2 * p.weights.size() + p.z.size()), 4.0 * p.z.size() * p.d);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"L", "d", "C"})->ArgsProduct({{64, 128, 256}, {96}, {64}})->Apply(bench::repeated);
}
BENCHMARK(forward)->Name("pair_init")->Apply(sizes);
BENCHMARK(backward)->Name("pair_init_backward")->Apply(sizes);

}  // namespace
