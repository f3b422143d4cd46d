#include "kernels/log_softmax/log_softmax.h"
#include "kernels/log_softmax/softmax_row.cuh"

namespace heartbeat::kernels {
namespace {

template <class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp) log_softmax_row_per_warp(Matrix<const T> x, Matrix<T> y) {
  const long i = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (i >= x.rows) return;  // whole warps leave together
  const auto [largest, sum] = shifted_sum_of_row(x.row(i), x.cols);
  const T log_sum = std::log(sum);
  for (long j = threadIdx.x % kWarp; j < x.cols; j += kWarp) y.row(i)[j] = x.row(i)[j] - largest - log_sum;
}

template <class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    log_softmax_adjoint_row_per_warp(Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  const long i = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (i >= y.rows) return;  // whole warps leave together
  T sum = 0;
  for (long j = threadIdx.x % kWarp; j < y.cols; j += kWarp) sum += dy.row(i)[j];
  sum = warp_sum(sum);
  for (long j = threadIdx.x % kWarp; j < y.cols; j += kWarp)
    dx.row(i)[j] += dy.row(i)[j] - math::exp(y.row(i)[j]) * sum;
}

}  // namespace

template <class T>
void log_softmax(Cuda cuda, Matrix<const T> x, Matrix<T> y) {
  launch<log_softmax_row_per_warp<T>>({.grid = blocks_for(x.rows, kRowsPerBlock), .block = kRowsPerBlock * kWarp}, cuda,
                                      x, y);
}
template <class T>
void log_softmax_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  launch<log_softmax_adjoint_row_per_warp<T>>(
      {.grid = blocks_for(y.rows, kRowsPerBlock), .block = kRowsPerBlock * kWarp}, cuda, y, dy, dx);
}

template void log_softmax(Cuda, Matrix<const float>, Matrix<float>);
template void log_softmax(Cuda, Matrix<const double>, Matrix<double>);
template void log_softmax_backward(Cuda, Matrix<const float>, Matrix<const float>, Matrix<float>);
template void log_softmax_backward(Cuda, Matrix<const double>, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
