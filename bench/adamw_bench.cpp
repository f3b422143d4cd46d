#include "kernels/adamw/adamw.h"

#include "bench/support/bench.h"
#include "kernels/adamw/adamw_spec.h"
#include "tests/support/optimizer_case.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: tensors, elements of each, watch (0 nothing, 1 gradients, 3 gradients, parameters and updates).
void adamw_case(benchmark::State& state) {
  const long count = state.range(0), n = state.range(1), watched = state.range(2);
  testing::OptimizerCase<float> c(std::vector<long>(count, n));
  std::vector<kernels::AdamwTensor<float>> tensors;
  for (long t = 0; t < count; ++t)
    tensors.push_back({c.value[t].data(), c.gradient[t].data(), c.first[t].data(), c.second[t].data(), 0.01, 1});
  std::vector<double> want(c.value[0].begin(), c.value[0].end());
  for (long i = 0; i < n; ++i) {
    double m = c.first[0][i], v = c.second[0][i];
    kernels::adamw_spec(want[i], m, v, c.gradient[0][i], 0.01, 1, 1, {});
  }
  const ChunkTable table(c.sizes);
  testing::WatchedStats stats(count);
  Watch watch;
  if (watched >= 1) watch.gradient = stats.gradient;
  if (watched == 3) watch.parameter = stats.parameter, watch.update = stats.update;

  const auto run = [&] { kernels::adamw<float>(Cpu{}, table, tensors, {}, {}, watch); };
  run();
  if (testing::nmse(c.value[0].data(), want.data(), n) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  for (auto _ : state) run();
  bench::declare(state, 28.0 * count * n, 15.0 * count * n);
}

BENCHMARK(adamw_case)
    ->Name("adamw")
    ->ArgNames({"tensors", "elements", "watch"})
    ->ArgsProduct({{100}, {3700}, {0, 1, 3}})
    ->ArgsProduct({{20}, {500000}, {0, 1, 3}})
    ->ArgsProduct({{10000}, {1000}, {0, 1, 3}})
    ->Apply(bench::repeated);

}  // namespace
