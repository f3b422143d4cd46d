#include <algorithm>

#include "kernels/spmm/spmm.h"

namespace heartbeat::kernels {
namespace {

constexpr int kRowsPerTask = 64;  // unit of scheduling; below it one core is faster than waking the others
constexpr int kChannels = 64;     // partial sums of one row, small enough for registers and L1

template <bool kAccumulate, class T>
void run(Csr a, Matrix<const T> x, Matrix<T> y) {
#pragma omp parallel for schedule(dynamic, kRowsPerTask) if (a.rows > kRowsPerTask)
  for (long i = 0; i < a.rows; ++i)
    for (long first = 0; first < x.cols; first += kChannels) {
      const long width = std::min<long>(kChannels, x.cols - first);
      Acc<T> sum[kChannels] = {};
      for (int e = a.row_ptr[i]; e < a.row_ptr[i + 1]; ++e) {
        const Acc<T> weight = a.values[e];
        const T* from = x.row(a.col_idx[e]) + first;
#pragma omp simd
        for (long j = 0; j < width; ++j) sum[j] += weight * Acc<T>(from[j]);
      }
      T* to = y.row(i) + first;
      for (long j = 0; j < width; ++j) to[j] = T(kAccumulate ? Acc<T>(to[j]) + sum[j] : sum[j]);
    }
}

}  // namespace

template <class T>
void spmm(Cpu, Csr a, Matrix<const T> x, Matrix<T> y) {
  run<false>(a, x, y);
}
template <class T>
void spmm_accumulate(Cpu, Csr a, Matrix<const T> x, Matrix<T> y) {
  run<true>(a, x, y);
}

template void spmm(Cpu, Csr, Matrix<const float>, Matrix<float>);
template void spmm(Cpu, Csr, Matrix<const double>, Matrix<double>);
template void spmm_accumulate(Cpu, Csr, Matrix<const float>, Matrix<float>);
template void spmm_accumulate(Cpu, Csr, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
