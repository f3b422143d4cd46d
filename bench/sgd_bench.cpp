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
  const testing::OptimizerCase<float> c({n});  // every tensor has the same values
  const auto copies = [&](const std::vector<float>& one) {
    std::vector<float> all;
    for (long t = 0; t < count; ++t) all.insert(all.end(), one.begin(), one.end());
    return bench::Array<float>(all);
  };
  const auto value = copies(c.value[0]), gradient = copies(c.gradient[0]), first = copies(c.first[0]);
  std::vector<kernels::SgdTensor<float>> tensors;
  for (long t = 0; t < count; ++t)
    tensors.push_back({value.data() + t * n, gradient.data() + t * n, first.data() + t * n, 1e-4});
  std::vector<double> want(c.value[0].begin(), c.value[0].end());
  for (long i = 0; i < n; ++i) {
    double b = c.first[0][i];
    kernels::sgd_spec(want[i], b, c.gradient[0][i], 1e-4, 1, rule);
  }
  const ChunkTable table(std::vector<long>(count, n));
  const bench::Array<TensorStats> of_gradients(count), of_parameters(count), of_updates(count);
  const auto span = [&](const bench::Array<TensorStats>& stats) { return std::span(stats.data(), size_t(count)); };
  Watch watch;
  if (watched >= 1) watch.gradient = span(of_gradients);
  if (watched == 3) watch.parameter = span(of_parameters), watch.update = span(of_updates);

  const auto run = [&] {
    bench::on_device([&](auto device) { kernels::sgd<float>(device, table, tensors, rule, {}, watch); });
  };
  run();
  if (testing::nmse(value.host().data(), want.data(), n) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, 20.0 * count * n, 6.0 * count * n);
}

BENCHMARK(sgd_case)
    ->Name("sgd")
    ->ArgNames({"tensors", "elements", "watch"})
    ->ArgsProduct({{100}, {3700}, {0, 1, 3}})
    ->ArgsProduct({{20}, {500000}, {0, 1, 3}})
    ->Apply(bench::repeated);

}  // namespace
