#include "kernels/histogram/histogram.h"

#include "bench/peers/nvidia.h"
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

// tensors of n elements each, in one call.
void histogram_case(benchmark::State& state, long tensors, long n, int kind) {
  const std::vector<float> host = values_of(kind, tensors * n);
  const bench::Array<float> x(host);
  const bench::Array<TensorStats> stats(tensors);
  const ChunkTable table(std::vector<long>(tensors, n));
  std::vector<const float*> parts;
  for (long t = 0; t < tensors; ++t) parts.push_back(x.data() + t * n);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::histogram<float>(device, table, parts, {stats.data(), size_t(tensors)});
    });
  };
  run();
  if (stats.host().back().bins != kernels::histogram_spec(host.data() + (tensors - 1) * n, n).bins)
    return state.SkipWithError("wrong result");
  const bench::nvidia::Histogram cub(parts, n, 256);
  bench::measure(state, run, 4.0 * tensors * n, 5.0 * tensors * n, cub.peers());
}

// Arguments: elements, kind of values.
void one(benchmark::State& state) {
  histogram_case(state, 1, state.range(0), int(state.range(1)));
}
// Arguments: tensors, elements of each.
void many(benchmark::State& state) {
  histogram_case(state, state.range(0), state.range(1), kNormal);
}

BENCHMARK(one)
    ->Name("histogram")
    ->ArgNames({"elements", "values"})
    ->ArgsProduct({{1 << 10, 370000, 1 << 24}, {kNormal, kZeros, kConstant, kLogSpread}})
    ->Apply(bench::repeated);
BENCHMARK(many)
    ->Name("histogram/many")
    ->ArgNames({"tensors", "elements"})
    ->Args({100, 3700})
    ->Args({300, 83000})
    ->Apply(bench::repeated);

}  // namespace
