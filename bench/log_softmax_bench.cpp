#include "kernels/log_softmax/log_softmax.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/log_softmax/log_softmax_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: rows, classes. Normal scores, seed 1. FLOPs count an exponential as one.
struct Problem {
  explicit Problem(benchmark::State& state)
      : n(state.range(0)), c(state.range(1)), x(n * c), y(n * c), dx(n * c), want(n * c) {
    std::mt19937_64 engine(1);
    std::normal_distribution<float> normal;
    std::vector<float> host(n * c);
    for (float& v : host) v = normal(engine);
    x.assign(host);
    wide.assign(host.begin(), host.end());
  }
  void forward() {
    bench::on_device([&](auto device) { kernels::log_softmax<float>(device, {x.data(), n, c}, {y.data(), n, c}); });
  }
  void backward() {
    bench::on_device([&](auto device) {
      kernels::log_softmax_backward<float>(device, {y.data(), n, c}, {x.data(), n, c}, {dx.data(), n, c});
    });
  }
  bool is_near(const bench::Array<float>& got) const {
    return testing::nmse(got.host().data(), want.data(), n * c) <= testing::parity_bound(Dtype::f32);
  }
  long n, c;
  bench::Array<float> x, y, dx;
  std::vector<double> wide, want;
};

void forward(benchmark::State& state) {
  Problem p(state);
  p.forward();
  kernels::log_softmax_spec({p.wide.data(), p.n, p.c}, {p.want.data(), p.n, p.c});
  if (!p.is_near(p.y)) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { p.forward(); }, 8.0 * p.n * p.c, 5.0 * p.n * p.c);
}

void adjoint(benchmark::State& state) {
  Problem p(state);
  p.forward();
  p.backward();
  const std::vector<float> host = p.y.host();
  const std::vector<double> log_p(host.begin(), host.end());
  kernels::log_softmax_backward_spec({log_p.data(), p.n, p.c}, {p.wide.data(), p.n, p.c}, {p.want.data(), p.n, p.c});
  if (!p.is_near(p.dx)) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { p.backward(); }, 16.0 * p.n * p.c, 5.0 * p.n * p.c);
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"rows", "classes"})->Args({64, 10})->Args({1000, 10})->Args({4096, 1000}));
}
BENCHMARK(forward)->Name("log_softmax")->Apply(sizes);
BENCHMARK(adjoint)->Name("log_softmax/adjoint")->Apply(sizes);

}  // namespace
