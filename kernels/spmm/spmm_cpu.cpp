#include <algorithm>

#include "kernels/common/widen.h"
#include "kernels/spmm/spmm.h"

namespace heartbeat::kernels {
namespace {

constexpr int kRowsPerTask = 64;  // unit of scheduling; below it one core is faster than waking the others
constexpr int kAhead = 8;         // entries between a neighbour's prefetch and its use: about one trip to memory

// kWidth channels of row i from channel `first` on. The width is a constant so that the sums stay in registers.
template <int kWidth, bool kAccumulate, class T>
void gather(Csr a, Matrix<const T> x, Matrix<T> y, long i, long first) {
  Acc<T> sum[kWidth] = {};
  const int end = a.row_ptr[i + 1];
  for (int e = a.row_ptr[i]; e < end; ++e) {
    // Where X is in a cache this costs next to nothing, and without it GCC kept the sums in memory: a quarter of the
    // speed.
    const T* next = x.row(a.col_idx[std::min(e + kAhead, end - 1)]) + first;
    for (int j = 0; j < kWidth; j += 64 / int(sizeof(T))) __builtin_prefetch(next + j);
    const Acc<T> weight = a.values[e];
    const T* from = x.row(a.col_idx[e]) + first;
#pragma omp simd
    for (int j = 0; j < kWidth; ++j) sum[j] += weight * Acc<T>(from[j]);
  }
  T* to = y.row(i) + first;
#pragma omp simd
  for (int j = 0; j < kWidth; ++j) put<T>(kAccumulate ? Acc<T>(to[j]) + sum[j] : sum[j], to[j]);
}

template <bool kAccumulate, class T>
void gather_row(Csr a, Matrix<const T> x, Matrix<T> y, long i) {
  constexpr int kWidest = 256 / sizeof(Acc<T>);  // half of the vector registers
  long c = 0;
  for (; c + kWidest <= x.cols; c += kWidest) gather<kWidest, kAccumulate>(a, x, y, i, c);
  if (c + 32 <= x.cols) gather<32, kAccumulate>(a, x, y, i, c), c += 32;
  if (c + 16 <= x.cols) gather<16, kAccumulate>(a, x, y, i, c), c += 16;
  if (c + 8 <= x.cols) gather<8, kAccumulate>(a, x, y, i, c), c += 8;
  for (; c < x.cols; ++c) gather<1, kAccumulate>(a, x, y, i, c);
}

template <bool kAccumulate, class T>
void run(Csr a, Matrix<const T> x, Matrix<T> y) {
#pragma omp parallel for schedule(dynamic, kRowsPerTask) if (a.rows > kRowsPerTask)
  for (long i = 0; i < a.rows; ++i) gather_row<kAccumulate>(a, x, y, i);
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

template void spmm(Cpu, Csr, Matrix<const bf16>, Matrix<bf16>);
template void spmm(Cpu, Csr, Matrix<const float>, Matrix<float>);
template void spmm(Cpu, Csr, Matrix<const double>, Matrix<double>);
template void spmm_accumulate(Cpu, Csr, Matrix<const bf16>, Matrix<bf16>);
template void spmm_accumulate(Cpu, Csr, Matrix<const float>, Matrix<float>);
template void spmm_accumulate(Cpu, Csr, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
