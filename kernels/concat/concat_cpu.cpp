#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/concat/concat.h"

namespace heartbeat::kernels {
namespace {

constexpr long kElementsPerTask = 1 << 15;  // 128 KB of f32: smaller copies are done before another core is awake

long rows_per_task(long cols) {
  return std::max(1L, kElementsPerTask / std::max(1L, cols));
}

}  // namespace

template <class T>
void concat(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  for_chunks(y.rows, rows_per_task(y.cols), [&](long first, long last) {
    for (long i = first; i < last; ++i) {
      std::copy_n(a.row(i), a.cols, y.row(i));
      std::copy_n(b.row(i), b.cols, y.row(i) + a.cols);
    }
  });
}

template <class T>
void columns_accumulate(Cpu, Matrix<const T> y, long first_column, Matrix<T> x) {
  for_chunks(x.rows, rows_per_task(x.cols), [&](long first, long last) {
    for (long i = first; i < last; ++i) {
      const T* from = y.row(i) + first_column;
      T* to = x.row(i);
#pragma omp simd
      for (long j = 0; j < x.cols; ++j) to[j] += from[j];
    }
  });
}

#define INSTANTIATE(T)                                                    \
  template void concat(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>); \
  template void columns_accumulate(Cpu, Matrix<const T>, long, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
