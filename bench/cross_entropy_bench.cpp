#include "kernels/cross_entropy/cross_entropy.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/cross_entropy/cross_entropy_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: rows, classes. FLOPs count an exponential as one.
void loss_and_gradient(benchmark::State& state) {
  const long n = state.range(0), c = state.range(1);
  const Tensor x = testing::random_normal({n, c}, Dtype::f32, 1).to(bench::device());
  const Tensor dx({n, c}, Dtype::f32, bench::device());
  const bench::Array<double> loss(1);
  const Ids labels = testing::random_labels(n, c, 2);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::cross_entropy<float>(device, x.value<float>(), labels.on(device), loss.data(), dx.value<float>());
    });
  };
  run();
  const std::vector<double> wide = x.to_vector();
  std::vector<double> want(n * c);
  const double got = loss.host()[0],
               right = kernels::cross_entropy_spec({wide.data(), n, c}, labels->data(), {want.data(), n, c});
  if (testing::nmse(&got, &right, 1) > testing::parity_bound(Dtype::f32) ||
      testing::nmse(dx.to_vector().data(), want.data(), n * c) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, 8.0 * n * c + 4.0 * n, 7.0 * n * c);
}

BENCHMARK(loss_and_gradient)
    ->Name("cross_entropy")
    ->ArgNames({"rows", "classes"})
    ->Args({64, 10})
    ->Args({1000, 10})
    ->Args({4096, 1000})
    ->Apply(bench::repeated);

}  // namespace
