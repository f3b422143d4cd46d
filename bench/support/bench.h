// How a kernel is measured, and what every benchmark declares: the bytes and FLOPs the op cannot do without. A wrong
// result prints no time.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/storage.h"
#include "kernels/common/base.h"
#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat::bench {

// Where the benchmark runs: --device cpu|cuda of the command line.
Device device();

// f(Cpu{}) or f(Cuda) with the stream that computes.
template <class F>
auto on_device(F f) {
#if HEARTBEAT_CUDA
  if (device() == Device::cuda) return f(cuda::compute_stream());
#endif
  return f(Cpu{});
}

// n elements where the benchmark runs.
template <class T>
class Array {
 public:
  explicit Array(long n) : n_(n), storage_(device(), n * sizeof(T)) { storage_.clear(); }
  explicit Array(const std::vector<T>& host) : Array(long(host.size())) { assign(host); }

  void assign(const std::vector<T>& host) { storage_.write(host.data()); }
  T* data() const { return reinterpret_cast<T*>(storage_.data()); }
  long size() const { return n_; }
  Matrix<T> matrix(long rows, long cols) const { return {data(), rows, cols}; }
  std::vector<T> host() const {
    std::vector<T> out(n_);
    storage_.read(0, n_ * sizeof(T), out.data());
    return out;
  }

 private:
  long n_;
  Storage storage_;
};

// The same work by somebody else, on the same buffers: "OpenBLAS 0.3.21 sgemm".
struct Peer {
  std::string name;
  std::function<void()> run;
};

// Times `run` and its peers in turns, since a shared machine slows all of them, and reports the median of at least 15
// samples of a millisecond or more (three where one takes half a second), with the 10th and 90th percentile. On a GPU
// the time between two events of the stream. least_bytes: every operand moved once. least_flops: multiply and add
// counted as two.
//
// Counters, in seconds: median, p10, p90; for each peer "peer:NAME" and "p10:NAME", "p90:NAME", and "ratio:NAME", the
// median over turns of its time by ours.
void measure(benchmark::State& state, const std::function<void()>& run, double least_bytes, double least_flops,
             const std::vector<Peer>& peers = {});

// Whether <dy, y> = <dx, x> up to rounding: what a gradient dx that was zero before must fulfil where y is linear in x.
bool is_adjoint(const Array<float>& dy, const Array<float>& y, const Array<float>& dx, const Array<float>& x);

// For every benchmark: measure() takes its samples within one iteration.
inline void repeated(benchmark::internal::Benchmark* b) {
  b->UseManualTime()->Iterations(1);
}

}  // namespace heartbeat::bench
