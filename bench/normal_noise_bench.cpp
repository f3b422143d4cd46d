#include "kernels/normal_noise/normal_noise.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/normal_noise/normal_noise_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Argument: numbers.
void draw(benchmark::State& state) {
  const long n = state.range(0);
  const bench::Array<float> y(n);
  std::vector<double> want(n);
  const RandomStream stream = random_stream(1, 0, 0, 0);
  const auto run = [&] {
    bench::on_device([&](auto device) { kernels::normal_noise<float>(device, stream, y.matrix(1, n)); });
  };
  run();
  kernels::normal_noise_spec(stream, {want.data(), 1, n});
  const std::vector<float> got = y.host();
  if (testing::nmse(got.data(), want.data(), n) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, 4.0 * n, 0);
}

BENCHMARK(draw)->Name("normal_noise")->ArgName("numbers")->Arg(640)->Arg(10'000)->Arg(1 << 20)->Apply(bench::repeated);

}  // namespace
