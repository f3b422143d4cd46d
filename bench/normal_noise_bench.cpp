#include "kernels/normal_noise/normal_noise.h"

#include <algorithm>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/normal_noise/normal_noise_spec.h"

namespace {

using namespace heartbeat;

// Argument: numbers.
void draw(benchmark::State& state) {
  if (bench::is_for_cpu(state)) return;
  const long n = state.range(0);
  std::vector<float> y(n);
  std::vector<double> want(n);
  const RandomStream stream = random_stream(1, 0, 0, 0);
  const auto run = [&] { kernels::normal_noise<float>(Cpu{}, stream, {y.data(), 1, n}); };
  run();
  kernels::normal_noise_spec(stream, {want.data(), 1, n});
  if (!std::equal(want.begin(), want.end(), y.begin())) return state.SkipWithError("wrong result");
  bench::measure(state, run, 4.0 * n, 0);
}

BENCHMARK(draw)->Name("normal_noise")->ArgName("numbers")->Arg(640)->Arg(10'000)->Arg(1 << 20)->Apply(bench::repeated);

}  // namespace
