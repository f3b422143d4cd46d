#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/segment_reduce/segment_reduce.h"

namespace heartbeat::kernels {
namespace {

constexpr int kChannels = 64;   // partial sums of one segment, small enough for registers and L1
constexpr long kSmall = 32768;  // elements that one core reads sooner than two wake up

template <class T>
T weight(Reduce how, const int* offsets, long s) {
  const int count = offsets[s + 1] - offsets[s];
  return how == Reduce::mean && count > 0 ? T(1) / T(count) : T(1);
}

}  // namespace

// The task is a segment and 64 of its channels: one long segment alone still feeds several cores.
template <class T>
void segment_reduce(Cpu, Reduce how, const int* offsets, Matrix<const T> x, Matrix<T> y) {
  const long strips = chunks_of(y.cols, kChannels);
#pragma omp parallel for schedule(dynamic, 4) if (x.numel() > kSmall)
  for (long task = 0; task < y.rows * strips; ++task) {
    const long s = task / strips, first = task % strips * kChannels;
    const long width = std::min<long>(kChannels, y.cols - first);
    Acc<T> sum[kChannels] = {};
    for (int i = offsets[s]; i < offsets[s + 1]; ++i) {
      const T* from = x.row(i) + first;
#pragma omp simd
      for (long j = 0; j < width; ++j) sum[j] += Acc<T>(from[j]);
    }
    const Acc<T> w = weight<Acc<T>>(how, offsets, s);
    T* to = y.row(s) + first;
    for (long j = 0; j < width; ++j) to[j] = T(w * sum[j]);
  }
}

template <class T>
void segment_reduce_adjoint_accumulate(Cpu, Reduce how, const int* offsets, Matrix<const T> dy, Matrix<T> dx) {
#pragma omp parallel for schedule(dynamic, 4) if (dx.numel() > kSmall)
  for (long s = 0; s < dy.rows; ++s) {
    const T w = weight<T>(how, offsets, s);
    const T* from = dy.row(s);
    for (int i = offsets[s]; i < offsets[s + 1]; ++i) {
      T* to = dx.row(i);
#pragma omp simd
      for (long j = 0; j < dy.cols; ++j) to[j] += w * from[j];
    }
  }
}

template void segment_reduce(Cpu, Reduce, const int*, Matrix<const float>, Matrix<float>);
template void segment_reduce(Cpu, Reduce, const int*, Matrix<const double>, Matrix<double>);
template void segment_reduce_adjoint_accumulate(Cpu, Reduce, const int*, Matrix<const float>, Matrix<float>);
template void segment_reduce_adjoint_accumulate(Cpu, Reduce, const int*, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
