// The ceilings of this machine: what every later table divides by.
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#if HEARTBEAT_CUDA
#include "bench/ceilings/ceilings.h"
#endif

namespace {

using namespace heartbeat;
using bench::Array;

constexpr long kLine = 4096;  // floats that a thread takes at a time

std::vector<float> ramp(long n) {
  std::vector<float> values(n);
  for (long k = 0; k < n; ++k) values[k] = float(k % 1021);
  return values;
}

void copy_on(Cpu, const float* from, float* to, long n) {
  for_chunks(n, kLine, [&](long first, long last) { std::memcpy(to + first, from + first, (last - first) * 4); });
}
void read_on(Cpu, const float* from, long n, float* out) {
  for_chunks(n, kLine, [&](long first, long last) {
    float sum[16] = {};
    for (long k = first; k + 16 <= last; k += 16)
      for (int lane = 0; lane < 16; ++lane) sum[lane] += from[k + lane];
    out[first / kLine % 1024] = std::accumulate(sum, sum + 16, 0.f);
  });
}
void gather_on(Cpu, const float* table, const int* ids, long rows, long width, float* y) {
  for_chunks(rows, 256, [&](long first, long last) {
    for (long r = first; r < last; ++r) std::memcpy(y + r * width, table + ids[r] * width, width * 4);
  });
}
#if HEARTBEAT_CUDA
void copy_on(Cuda cuda, const float* from, float* to, long n) {
  bench::ceilings::copy(cuda, from, to, n);
}
void read_on(Cuda cuda, const float* from, long n, float* out) {
  bench::ceilings::read(cuda, from, n, out);
}
void gather_on(Cuda cuda, const float* table, const int* ids, long rows, long width, float* y) {
  bench::ceilings::gather(cuda, table, ids, rows, width, y);
}
#endif

// Argument: MB moved one way, far more than any cache holds.
void copy(benchmark::State& state) {
  const long n = state.range(0) * 250'000;
  const Array<float> from(ramp(n)), to(n);
  const auto run = [&] { bench::on_device([&](auto device) { copy_on(device, from.data(), to.data(), n); }); };
  run();
  if (to.host() != from.host()) return state.SkipWithError("wrong result");
  bench::measure(state, run, 8.0 * n, 0);
}
void read(benchmark::State& state) {
  const long n = state.range(0) * 250'000;
  const Array<float> from(std::vector<float>(n, 1.f)), out(2048);
  const auto run = [&] { bench::on_device([&](auto device) { read_on(device, from.data(), n, out.data()); }); };
  run();
  if (out.host()[0] < 1) return state.SkipWithError("wrong result");
  bench::measure(state, run, 4.0 * n, double(n));
}

// Arguments: bytes of a row. Random rows of a table of 20 MB, which the last cache of a large processor holds and the
// L2 of an A100 or an H200.
void gather(benchmark::State& state) {
  const long width = state.range(0) / 4, table_rows = 20'000'000 / state.range(0), rows = 65536;
  std::mt19937_64 engine(1);
  std::vector<int> ids(rows);
  for (int& id : ids) id = int(engine() % table_rows);
  const std::vector<float> values = ramp(table_rows * width);
  const Array<float> table(values), y(rows * width);
  const Array<int> where(ids);
  const auto run = [&] {
    bench::on_device([&](auto device) { gather_on(device, table.data(), where.data(), rows, width, y.data()); });
  };
  run();
  const std::vector<float> got = y.host();
  for (long r = 0; r < rows; ++r)
    if (got[r * width + 1] != values[ids[r] * width + 1]) return state.SkipWithError("wrong result");
  bench::measure(state, run, double(rows) * (2 * state.range(0) + 4), 0);
}

// Products of square matrices, argument: the side. On a CPU rows are shared between the cores.
void sgemm(benchmark::State& state) {
  const long n = state.range(0);
  const Array<float> a(std::vector<float>(n * n, 1.f)), b(std::vector<float>(n * n, 0.5f)), c(n * n);
  const auto on = [&]([[maybe_unused]] auto device) {
#if HEARTBEAT_CUDA
    if constexpr (std::is_same_v<decltype(device), Cuda>) {
      bench::ceilings::gemm(device, bench::ceilings::Precision::f32, n, a.data(), b.data(), c.data());
      return;
    }
#endif
    using blas::Op;
    for_chunks(n, n / 2, [&](long first, long last) {
      blas::gemm<float>(Op::none, Op::none, last - first, n, n, 1, a.data() + first * n, n, b.data(), n, 0,
                        c.data() + first * n, n);
    });
  };
  const auto run = [&] { bench::on_device(on); };
  run();
  if (c.host().back() != float(n) / 2) return state.SkipWithError("wrong result");
  bench::measure(state, run, 12.0 * n * n, 2.0 * n * n * n);
}

BENCHMARK(copy)->Name("ceiling/copy")->ArgName("MB")->Arg(256)->Apply(bench::repeated);
BENCHMARK(read)->Name("ceiling/read")->ArgName("MB")->Arg(256)->Apply(bench::repeated);
BENCHMARK(gather)->Name("ceiling/gather")->ArgName("row_bytes")->Arg(256)->Arg(512)->Apply(bench::repeated);
BENCHMARK(sgemm)->Name("ceiling/sgemm")->ArgName("side")->Arg(2048)->Apply(bench::repeated);

#if HEARTBEAT_CUDA
using bench::ceilings::Precision;

bool has_no_gpu(benchmark::State& state) {
  if (bench::device() == Device::cuda) return false;
  state.SkipWithError("needs --device cuda");
  return true;
}

// Argument: counters that a block's threads hit. FLOPs are additions.
void shared_atomics(benchmark::State& state) {
  if (has_no_gpu(state)) return;
  const int distinct = int(state.range(0));
  const long each = 64, blocks = bench::ceilings::kReadBlocks, n = each * blocks * 256;
  const Array<unsigned> counts(blocks * 256);
  const auto run = [&] { bench::ceilings::shared_atomics(cuda::compute_stream(), n, distinct, counts.data()); };
  run();
  std::uint64_t sum = 0;
  for (const unsigned c : counts.host()) sum += c;
  if (sum != std::uint64_t(n)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 0, double(n));
}

template <Precision kPrecision>
void fast_gemm(benchmark::State& state) {
  if (has_no_gpu(state)) return;
  const long n = state.range(0);
  const std::uint16_t one_in_bf16 = 0x3f80;
  const Array<std::uint16_t> narrow(std::vector<std::uint16_t>(n * n, one_in_bf16));
  const Array<float> wide(std::vector<float>(n * n, 1.f)), c(n * n);
  const void* const a =
      kPrecision == Precision::bf16 ? static_cast<const void*>(narrow.data()) : static_cast<const void*>(wide.data());
  const auto run = [&] { return bench::ceilings::gemm(cuda::compute_stream(), kPrecision, n, a, a, c.data()); };
  if (!run()) return state.SkipWithError("cuBLAS is not here");
  if (c.host().back() != float(n)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 0, 2.0 * n * n * n);
}

void launches(benchmark::State& state) {
  if (has_no_gpu(state)) return;
  bench::measure(
      state, [] { bench::ceilings::nothing(cuda::compute_stream()); }, 0, 0);
}
void launches_in_graph(benchmark::State& state) {
  if (has_no_gpu(state)) return;
  const double seconds = bench::ceilings::seconds_in_graph(cuda::compute_stream(), 1000);
  if (seconds == 0) return state.SkipWithError("no CUDA graphs here");
  for (auto _ : state) state.SetIterationTime(seconds);
  state.counters["median"] = seconds;
}

BENCHMARK(shared_atomics)
    ->Name("ceiling/shared_atomics")
    ->ArgName("distinct")
    ->Arg(1)
    ->Arg(8)
    ->Arg(32)
    ->Arg(256)
    ->Apply(bench::repeated);
BENCHMARK(fast_gemm<Precision::tf32>)->Name("ceiling/gemm_tf32")->ArgName("side")->Arg(4096)->Apply(bench::repeated);
BENCHMARK(fast_gemm<Precision::bf16>)->Name("ceiling/gemm_bf16")->ArgName("side")->Arg(4096)->Apply(bench::repeated);
BENCHMARK(launches)->Name("ceiling/launch")->Apply(bench::repeated);
BENCHMARK(launches_in_graph)->Name("ceiling/launch_in_graph")->Apply(bench::repeated);
#endif

}  // namespace
