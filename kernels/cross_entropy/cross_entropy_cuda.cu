#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/log_softmax/softmax_row.cuh"

namespace heartbeat::kernels {
namespace {

template <class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    cross_entropy_row_per_warp(Matrix<const T> x, const int* labels, double* terms, Matrix<T> dx) {
  const long i = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (i >= x.rows) return;  // whole warps leave together
  const int label = labels[i];
  const T* score = x.row(i);
  const auto [largest, sum] = shifted_sum_of_row(score, x.cols);
  if (threadIdx.x % kWarp == 0) terms[i] = double(std::log(sum) - (score[label] - largest));
  if (!dx.data) return;
  const T share = T(1) / T(x.rows);
  for (long j = threadIdx.x % kWarp; j < x.cols; j += kWarp)
    dx.row(i)[j] = math::exp(score[j] - largest) * (share / sum) - (j == label ? share : T(0));
}

}  // namespace

template <class T>
void cross_entropy(Cuda cuda, Matrix<const T> x, const int* labels, double* loss, Matrix<T> dx) {
  const long n = x.rows;
  const cuda::Scratch<double> terms(cuda, n);
  launch<cross_entropy_row_per_warp<T>>({.grid = blocks_for(n, kRowsPerBlock), .block = kRowsPerBlock * kWarp}, cuda, x,
                                        labels, terms.data(), dx);
  sum_terms(cuda, terms.data(), n, [=] __device__(double sum) { *loss = sum / double(n); });
}

template void cross_entropy(Cuda, Matrix<const float>, const int*, double*, Matrix<float>);
template void cross_entropy(Cuda, Matrix<const double>, const int*, double*, Matrix<double>);

}  // namespace heartbeat::kernels
