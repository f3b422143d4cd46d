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
      : n(state.range(0)),
        p(state.range(1)),
        q(state.range(2)),
        a(counted(n * p, 0)),
        b(counted(n * q, -1e6f)),
        y(std::vector<float>(n * (p + q), 1.f)) {}
  static std::vector<float> counted(long n, float from) {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), from);
    return values;
  }
  long n, p, q;
  bench::Array<float> a, b, y;
};

void forward(benchmark::State& state) {
  Problem m(state);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::concat<float>(device, {m.a.data(), m.n, m.p}, {m.b.data(), m.n, m.q}, {m.y.data(), m.n, m.p + m.q});
    });
  };
  run();
  const std::vector<float> ah = m.a.host(), bh = m.b.host(), got = m.y.host();
  const std::vector<double> a(ah.begin(), ah.end()), b(bh.begin(), bh.end());
  std::vector<double> want(m.y.size());
  kernels::concat_spec({a.data(), m.n, m.p}, {b.data(), m.n, m.q}, {want.data(), m.n, m.p + m.q});
  if (!std::equal(want.begin(), want.end(), got.begin())) return state.SkipWithError("wrong result");
  bench::measure(state, run, 8.0 * m.n * (m.p + m.q), 0);
}

void adjoint(benchmark::State& state) {
  Problem m(state);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::columns_accumulate<float>(device, {m.y.data(), m.n, m.p + m.q}, 0, {m.a.data(), m.n, m.p});
    });
    bench::on_device([&](auto device) {
      kernels::columns_accumulate<float>(device, {m.y.data(), m.n, m.p + m.q}, m.p, {m.b.data(), m.n, m.q});
    });
  };
  run();
  if (m.a.host()[1] != 2 || m.b.host()[1] != -1e6f + 2) return state.SkipWithError("wrong result");
  bench::measure(state, run, 12.0 * m.n * (m.p + m.q), double(m.n) * (m.p + m.q));
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"rows", "p", "q"})->Args({64, 800, 10})->Args({1000, 800, 10})->Args({4096, 512, 512}));
}
BENCHMARK(forward)->Name("concat")->Apply(sizes);
BENCHMARK(adjoint)->Name("concat/adjoint")->Apply(sizes);

}  // namespace
