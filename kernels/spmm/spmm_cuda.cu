#include "kernels/common/device_code.cuh"
#include "kernels/spmm/spmm.h"

namespace heartbeat::kernels {
namespace {

constexpr int kRowsPerBlock = 4;  // one warp per row; a first guess until a benchmark on a GPU sets it

// One warp owns 32 channels of one row of Y at a time: lane l owns channel first + l, so gathers of X coalesce. The
// warp reads 32 entries of the row at once and hands them round by shuffles.
template <bool kAccumulate, class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp) spmm_row_per_warp(Csr a, Matrix<const T> x, Matrix<T> y) {
  const long row = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (row >= a.rows) return;  // whole warps leave together
  const int lane = threadIdx.x % kWarp, begin = a.row_ptr[row], end = a.row_ptr[row + 1];

  for (long first = 0; first < x.cols; first += kWarp) {
    const long j = first + lane;
    Acc<T> sum = 0;
    for (int e = begin; e < end; e += kWarp) {
      const int mine = e + lane;
      const int my_column = mine < end ? a.col_idx[mine] : 0;
      const float my_value = mine < end ? a.values[mine] : 0;
      const int count = min(kWarp, end - e);
      for (int k = 0; k < count; ++k) {
        const int column = __shfl_sync(kFullWarp, my_column, k);
        const Acc<T> value = __shfl_sync(kFullWarp, my_value, k);
        if (j < x.cols) sum += value * Acc<T>(x.row(column)[j]);
      }
    }
    if (j < x.cols) {
      T& to = y.row(row)[j];
      to = T(kAccumulate ? Acc<T>(to) + sum : sum);
    }
  }
}

template <bool kAccumulate, class T>
void run(Cuda cuda, Csr a, Matrix<const T> x, Matrix<T> y) {
  launch<spmm_row_per_warp<kAccumulate, T>>({.grid = blocks_for(a.rows, kRowsPerBlock), .block = kRowsPerBlock * kWarp},
                                            cuda, a, x, y);
}

}  // namespace

template <class T>
void spmm(Cuda cuda, Csr a, Matrix<const T> x, Matrix<T> y) {
  run<false>(cuda, a, x, y);
}
template <class T>
void spmm_accumulate(Cuda cuda, Csr a, Matrix<const T> x, Matrix<T> y) {
  run<true>(cuda, a, x, y);
}

template void spmm(Cuda, Csr, Matrix<const bf16>, Matrix<bf16>);
template void spmm(Cuda, Csr, Matrix<const float>, Matrix<float>);
template void spmm(Cuda, Csr, Matrix<const double>, Matrix<double>);
template void spmm_accumulate(Cuda, Csr, Matrix<const bf16>, Matrix<bf16>);
template void spmm_accumulate(Cuda, Csr, Matrix<const float>, Matrix<float>);
template void spmm_accumulate(Cuda, Csr, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
