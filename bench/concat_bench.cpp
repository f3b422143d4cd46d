#include "kernels/concat/concat.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/concat/concat_spec.h"

namespace {

using namespace heartbeat;

// Arguments: rows, columns of A, columns of B.
struct Problem {
  explicit Problem(benchmark::State& state)
      : n(state.range(0)), p(state.range(1)), q(state.range(2)), a(n * p), b(n * q), y(n * (p + q)) {
    std::iota(a.begin(), a.end(), 0.f);
    std::iota(b.begin(), b.end(), -1e6f);
  }
  long n, p, q;
  std::vector<float> a, b, y;
};

void forward(benchmark::State& state) {
  if (bench::is_for_cpu(state)) return;
  Problem m(state);
  const auto run = [&] {
    kernels::concat<float>(Cpu{}, {m.a.data(), m.n, m.p}, {m.b.data(), m.n, m.q}, {m.y.data(), m.n, m.p + m.q});
  };
  run();
  const std::vector<double> a(m.a.begin(), m.a.end()), b(m.b.begin(), m.b.end());
  std::vector<double> want(m.y.size());
  kernels::concat_spec({a.data(), m.n, m.p}, {b.data(), m.n, m.q}, {want.data(), m.n, m.p + m.q});
  if (!std::equal(want.begin(), want.end(), m.y.begin())) return state.SkipWithError("wrong result");
  bench::measure(state, run, 8.0 * m.n * (m.p + m.q), 0);
}

void adjoint(benchmark::State& state) {
  if (bench::is_for_cpu(state)) return;
  Problem m(state);
  std::fill(m.y.begin(), m.y.end(), 1.f);
  const auto run = [&] {
    kernels::columns_accumulate<float>(Cpu{}, {m.y.data(), m.n, m.p + m.q}, 0, {m.a.data(), m.n, m.p});
    kernels::columns_accumulate<float>(Cpu{}, {m.y.data(), m.n, m.p + m.q}, m.p, {m.b.data(), m.n, m.q});
  };
  run();
  if (m.a[1] != 2 || m.b[1] != -1e6f + 2) return state.SkipWithError("wrong result");
  bench::measure(state, run, 12.0 * m.n * (m.p + m.q), double(m.n) * (m.p + m.q));
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"rows", "p", "q"})->Args({64, 800, 10})->Args({1000, 800, 10})->Args({4096, 512, 512}));
}
BENCHMARK(forward)->Name("concat")->Apply(sizes);
BENCHMARK(adjoint)->Name("concat/adjoint")->Apply(sizes);

}  // namespace
