#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/log_softmax/log_softmax.h"
#include "kernels/log_softmax/shifted_sum.h"

namespace heartbeat::kernels {

template <class T>
void log_softmax(Cpu, Matrix<const T> x, Matrix<T> y) {
  for_chunks(x.rows, rows_per_softmax_task(x.cols), [&](long first, long last) {
    for (long i = first; i < last; ++i) {
      const T* from = x.row(i);
      T* to = y.row(i);
      const auto [largest, sum] = shifted_sum(from, x.cols);
      const T shift = largest, log_sum = std::log(sum);
#pragma omp simd
      for (long j = 0; j < x.cols; ++j) to[j] = from[j] - shift - log_sum;
    }
  });
}

template <class T>
void log_softmax_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  for_chunks(y.rows, rows_per_softmax_task(y.cols), [&](long first, long last) {
    for (long i = first; i < last; ++i) {
      const T *log_p = y.row(i), *arriving = dy.row(i);
      T *to = dx.row(i), sum = 0;
#pragma omp simd reduction(+ : sum)
      for (long j = 0; j < y.cols; ++j) sum += arriving[j];
#pragma omp simd
      for (long j = 0; j < y.cols; ++j) to[j] += arriving[j] - math::exp(log_p[j]) * sum;
    }
  });
}

#define INSTANTIATE(T)                                        \
  template void log_softmax(Cpu, Matrix<const T>, Matrix<T>); \
  template void log_softmax_backward(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
