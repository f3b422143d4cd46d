#include "kernels/nll_loss/nll_loss.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/nll_loss/nll_loss_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: rows, classes.
void loss(benchmark::State& state) {
  const long n = state.range(0), c = state.range(1);
  const Tensor log_p = testing::random_normal({n, c}, Dtype::f32, 1).to(bench::device());
  const bench::Array<double> sum(1);
  const Ids labels = testing::random_labels(n, c, 2);
  const std::vector<double> wide = log_p.to_vector();
  const double want = kernels::nll_loss_spec({wide.data(), n, c}, labels->data());
  const auto run = [&] {
    bench::on_device(
        [&](auto device) { kernels::nll_loss<float>(device, log_p.value<float>(), labels.on(device), sum.data()); });
  };
  run();
  const double got = sum.host()[0];
  if (testing::nmse(&got, &want, 1) > testing::parity_bound(Dtype::f64)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 8.0 * n, double(n));
}

BENCHMARK(loss)
    ->Name("nll_loss")
    ->ArgNames({"rows", "classes"})
    ->Args({64, 10})
    ->Args({1000, 10})
    ->Args({1 << 16, 100})
    ->Apply(bench::repeated);

}  // namespace
