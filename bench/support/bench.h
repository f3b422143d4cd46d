// What every benchmark declares: the bytes and FLOPs the op cannot do without. A wrong result prints no time.
#pragma once

#include <benchmark/benchmark.h>

namespace heartbeat::bench {

// least_bytes: every operand moved once. least_flops: multiply and add counted as two.
inline void declare(benchmark::State& state, double least_bytes, double least_flops) {
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["GB/s"] = benchmark::Counter(least_bytes / 1e9, rate);
  state.counters["GFLOP/s"] = benchmark::Counter(least_flops / 1e9, rate);
  state.counters["least_MB"] = least_bytes / 1e6;
  state.counters["least_MFLOP"] = least_flops / 1e6;
}

// Median and spread over repetitions of wall time.
inline void repeated(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->MinTime(0.05)->Repetitions(9)->ReportAggregatesOnly();
}

}  // namespace heartbeat::bench
