#include "kernels/sgd/sgd.h"

#include "bench/support/bench.h"
#include "kernels/sgd/sgd_spec.h"
#include "tests/support/optimizer_case.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: tensors, elements of each, watch (0 nothing, 1 gradients, 3 gradients, parameters and updates). Momentum
// 0.9.
void sgd_case(benchmark::State& state) {
  const long count = state.range(0), n = state.range(1), watched = state.range(2);
  const kernels::SgdRule rule{.lr = 1e-3, .momentum = 0.9};
  testing::OptimizerCase<float> c(std::vector<long>(count, n));
  std::vector<kernels::SgdTensor<float>> tensors;
  for (long t = 0; t < count; ++t)
    tensors.push_back({c.value[t].data(), c.gradient[t].data(), c.first[t].data(), 1e-4});
  std::vector<double> want(c.value[0].begin(), c.value[0].end());
  for (long i = 0; i < n; ++i) {
    double b = c.first[0][i];
    kernels::sgd_spec(want[i], b, c.gradient[0][i], 1e-4, 1, rule);
  }
  const ChunkTable table(c.sizes);
  testing::WatchedStats stats(count);
  Watch watch;
  if (watched >= 1) watch.gradient = stats.gradient;
  if (watched == 3) watch.parameter = stats.parameter, watch.update = stats.update;

  const auto run = [&] { kernels::sgd<float>(Cpu{}, table, tensors, rule, {}, watch); };
  run();
  if (testing::nmse(c.value[0].data(), want.data(), n) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  for (auto _ : state) run();
  bench::declare(state, 20.0 * count * n, 6.0 * count * n);
}

BENCHMARK(sgd_case)
    ->Name("sgd")
    ->ArgNames({"tensors", "elements", "watch"})
    ->ArgsProduct({{100}, {3700}, {0, 1, 3}})
    ->ArgsProduct({{20}, {500000}, {0, 1, 3}})
    ->Apply(bench::repeated);

}  // namespace
