#include "kernels/common/device_code.cuh"
#include "kernels/segment_reduce/segment_reduce.h"

namespace heartbeat::kernels {
namespace {

template <class T>
__device__ T weight(Reduce how, const int* offsets, long s) {
  const int count = offsets[s + 1] - offsets[s];
  return how == Reduce::mean && count > 0 ? T(1) / T(count) : T(1);
}

// A warp owns 32 channels of a segment and reads its rows one after the other.
template <class T>
__global__ void __launch_bounds__(kThreads)
    reduce_segment_by_warps(Reduce how, const int* offsets, Matrix<const T> x, Matrix<T> y) {
  const long strips = (y.cols + kWarp - 1) / kWarp;
  for (long task = grid_thread() / kWarp; task < y.rows * strips; task += grid_threads() / kWarp) {
    const long s = task / strips, j = task % strips * kWarp + threadIdx.x % kWarp;
    if (j >= y.cols) continue;
    Acc<T> sum = 0;
    for (int i = offsets[s]; i < offsets[s + 1]; ++i) sum += Acc<T>(x.row(i)[j]);
    y.row(s)[j] = T(weight<Acc<T>>(how, offsets, s) * sum);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    spread_segment_by_warps(Reduce how, const int* offsets, Matrix<const T> dy, Matrix<T> dx) {
  const long strips = (dy.cols + kWarp - 1) / kWarp;
  for (long task = grid_thread() / kWarp; task < dy.rows * strips; task += grid_threads() / kWarp) {
    const long s = task / strips, j = task % strips * kWarp + threadIdx.x % kWarp;
    if (j >= dy.cols) continue;
    const T share = weight<T>(how, offsets, s) * dy.row(s)[j];
    for (int i = offsets[s]; i < offsets[s + 1]; ++i) dx.row(i)[j] += share;
  }
}

unsigned blocks(long segments, long cols) {
  return blocks_for(segments * ((cols + kWarp - 1) / kWarp), kThreads / kWarp);
}

}  // namespace

template <class T>
void segment_reduce(Cuda cuda, Reduce how, const int* offsets, Matrix<const T> x, Matrix<T> y) {
  launch<reduce_segment_by_warps<T>>({.grid = blocks(y.rows, y.cols), .block = kThreads}, cuda, how, offsets, x, y);
}
template <class T>
void segment_reduce_adjoint_accumulate(Cuda cuda, Reduce how, const int* offsets, Matrix<const T> dy, Matrix<T> dx) {
  launch<spread_segment_by_warps<T>>({.grid = blocks(dy.rows, dy.cols), .block = kThreads}, cuda, how, offsets, dy, dx);
}

template void segment_reduce(Cuda, Reduce, const int*, Matrix<const float>, Matrix<float>);
template void segment_reduce(Cuda, Reduce, const int*, Matrix<const double>, Matrix<double>);
template void segment_reduce_adjoint_accumulate(Cuda, Reduce, const int*, Matrix<const float>, Matrix<float>);
template void segment_reduce_adjoint_accumulate(Cuda, Reduce, const int*, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
