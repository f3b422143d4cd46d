#include "kernels/common/device_code.cuh"
#include "kernels/embedding/embedding.h"

namespace heartbeat::kernels {
namespace {

// Many rows of dY meet in one row of dW. A thread owns one element of dW and walks over all ids: no two threads add
// into one place, and the sum is in the order of the positions. The walk is the price: it suits the small vocabularies
// of proteins, whose ids stay in cache.
template <class T>
__global__ void __launch_bounds__(kThreads) sum_rows_of_id(const int* ids, Matrix<const T> dy, Matrix<T> dW) {
  const long j = long(blockIdx.y) * kThreads + threadIdx.x, row = blockIdx.x;
  if (j >= dW.cols) return;
  T sum = dW.row(row)[j];
  for (long i = 0; i < dy.rows; ++i)
    if (ids[i] == row) sum += dy.row(i)[j];  // the same branch for the whole block
  dW.row(row)[j] = sum;
}

}  // namespace

template <class T>
void embedding(Cuda cuda, const int* ids, Matrix<const T> W, Matrix<T> y) {
  for_each(cuda, y.numel(), [=] __device__(long k) { y.data[k] = W.row(ids[k / y.cols])[k % y.cols]; });
}
template <class T>
void embedding_adjoint_accumulate(Cuda cuda, const int* ids, Matrix<const T> dy, Matrix<T> dW) {
  launch<sum_rows_of_id<T>>({.grid = {unsigned(dW.rows), blocks_for(dW.cols, kThreads)}, .block = kThreads}, cuda, ids,
                            dy, dW);
}

template void embedding(Cuda, const int*, Matrix<const float>, Matrix<float>);
template void embedding(Cuda, const int*, Matrix<const double>, Matrix<double>);
template void embedding_adjoint_accumulate(Cuda, const int*, Matrix<const float>, Matrix<float>);
template void embedding_adjoint_accumulate(Cuda, const int*, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
