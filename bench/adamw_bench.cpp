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
  const testing::OptimizerCase<float> c({n});  // every tensor has the same values
  const auto copies = [&](const std::vector<float>& one) {
    std::vector<float> all;
    for (long t = 0; t < count; ++t) all.insert(all.end(), one.begin(), one.end());
    return bench::Array<float>(all);
  };
  const auto value = copies(c.value[0]), gradient = copies(c.gradient[0]), m = copies(c.first[0]),
             v = copies(c.second[0]);
  std::vector<kernels::AdamwTensor<float>> tensors;
  for (long t = 0; t < count; ++t)
    tensors.push_back({value.data() + t * n, gradient.data() + t * n, m.data() + t * n, v.data() + t * n, 0.01, 1});
  std::vector<double> want(c.value[0].begin(), c.value[0].end());
  for (long i = 0; i < n; ++i) {
    double m = c.first[0][i], v = c.second[0][i];
    kernels::adamw_spec(want[i], m, v, c.gradient[0][i], 0.01, 1, 1, {});
  }
  const ChunkTable table(std::vector<long>(count, n));
  const bench::Array<TensorStats> of_gradients(count), of_parameters(count), of_updates(count);
  const auto span = [&](const bench::Array<TensorStats>& stats) { return std::span(stats.data(), size_t(count)); };
  Watch watch;
  if (watched >= 1) watch.gradient = span(of_gradients);
  if (watched == 3) watch.parameter = span(of_parameters), watch.update = span(of_updates);

  const auto run = [&] {
    bench::on_device([&](auto device) { kernels::adamw<float>(device, table, tensors, {}, {}, watch); });
  };
  run();
  if (testing::nmse(value.host().data(), want.data(), n) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, 28.0 * count * n, 15.0 * count * n);
}

BENCHMARK(adamw_case)
    ->Name("adamw")
    ->ArgNames({"tensors", "elements", "watch"})
    ->ArgsProduct({{100}, {3700}, {0, 1, 3}})
    ->ArgsProduct({{20}, {500000}, {0, 1, 3}})
    ->ArgsProduct({{10000}, {1000}, {0, 1, 3}})
    ->Apply(bench::repeated);

}  // namespace
