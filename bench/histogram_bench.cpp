#include "kernels/histogram/histogram.h"

#include "bench/support/bench.h"
#include "kernels/histogram/histogram_spec.h"
#include "tests/support/statistics.h"

namespace {

using namespace heartbeat;

enum Values { kNormal, kZeros, kConstant, kLogSpread };  // what decides is how often neighbours share a bin

std::vector<float> values_of(int kind, long n) {
  if (kind == kNormal) return testing::normal<float>(n, 1e-3, 1);
  if (kind == kLogSpread) return testing::log_spread<float>(n, 1);
  return std::vector<float>(n, kind == kZeros ? 0.f : 1.f);
}

// Arguments: elements, kind of values.
void histogram_case(benchmark::State& state) {
  const long n = state.range(0);
  const std::vector<float> x = values_of(int(state.range(1)), n);
  TensorStats stats;
  const auto run = [&] { kernels::histogram<float>(Cpu{}, x.data(), n, stats); };
  run();
  if (stats.bins != kernels::histogram_spec(x.data(), n).bins) return state.SkipWithError("wrong result");
  for (auto _ : state) run();
  bench::declare(state, 4.0 * n, 5.0 * n);
}

BENCHMARK(histogram_case)
    ->Name("histogram")
    ->ArgNames({"elements", "values"})
    ->ArgsProduct({{1 << 10, 370000, 1 << 24}, {kNormal, kZeros, kConstant, kLogSpread}})
    ->Apply(bench::repeated);

}  // namespace
