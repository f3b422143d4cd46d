#include "kernels/clip_norm/clip_norm.h"

#include "bench/support/bench.h"
#include "kernels/clip_norm/clip_norm_spec.h"
#include "tests/support/statistics.h"

namespace {

using namespace heartbeat;

// Arguments: tensors, elements of each.
void clip_norm_case(benchmark::State& state) {
  const long count = state.range(0), n = state.range(1);
  const std::vector<float> host = testing::normal<float>(count * n, 1e-3, 1);
  const bench::Array<float> g(host);
  const bench::Array<kernels::NormClip> result(1);
  std::vector<const float*> gradients;
  for (long t = 0; t < count; ++t) gradients.push_back(g.data() + t * n);
  const ChunkTable table(std::vector<long>(count, n));

  const auto run = [&] {
    bench::on_device([&](auto device) {
      if constexpr (std::is_same_v<decltype(device), Cpu>)
        *result.data() = kernels::clip_norm<float>(device, table, gradients, 1);
      else
        kernels::clip_norm<float>(device, table, gradients, 1, result.data());
    });
  };
  run();
  const kernels::NormClip got = result.host()[0];
  const auto want = kernels::clip_norm_spec({std::vector<double>(host.begin(), host.end())}, 1);
  if (!(std::abs(got.norm - want.norm) < 1e-12 * want.norm)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 4.0 * count * n, 2.0 * count * n);
}

BENCHMARK(clip_norm_case)
    ->Name("clip_norm")
    ->ArgNames({"tensors", "elements"})
    ->Args({100, 3700})
    ->Args({1, 1 << 24})
    ->Args({10000, 1000})
    ->Apply(bench::repeated);

}  // namespace
