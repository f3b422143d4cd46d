#include "kernels/segment_reduce/segment_reduce.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/segment_reduce/segment_reduce_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: rows, rows in a segment, channels. Eight rows are the atoms of a residue; one segment is a whole batch.
void segment_mean(benchmark::State& state) {
  const long n = state.range(0), length = state.range(1), channels = state.range(2), segments = n / length;
  std::vector<int> offsets(segments + 1);
  for (long s = 0; s <= segments; ++s) offsets[s] = int(s * length);
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal;
  std::vector<float> host(n * channels);
  for (float& v : host) v = normal(engine);
  const bench::Array<float> x(host), y(segments * channels);
  const bench::Array<int> at(offsets);

  using kernels::Reduce;
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::segment_reduce<float>(device, Reduce::mean, at.data(), x.matrix(n, channels),
                                     y.matrix(segments, channels));
    });
  };
  run();
  std::vector<double> xd(host.begin(), host.end()), want(y.size());
  kernels::segment_reduce_spec(Reduce::mean, offsets.data(), {xd.data(), n, channels},
                               {want.data(), segments, channels});
  if (testing::nmse(y.host().data(), want.data(), y.size()) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");

  bench::measure(state, run, 4.0 * (double(n) + segments) * channels, double(n) * channels);
}

BENCHMARK(segment_mean)
    ->Name("segment_mean")
    ->ArgNames({"rows", "length", "channels"})
    ->ArgsProduct({{4096, 32768}, {8, 4096}, {96}})
    ->Apply(bench::repeated);

}  // namespace
