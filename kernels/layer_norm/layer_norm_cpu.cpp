#include "kernels/layer_norm/layer_norm.h"

#include <cmath>
#include <vector>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"

namespace heartbeat::kernels {
namespace {

constexpr long kRowsPerTask = 256;

// Calls f with the number of columns: a constant where it is a usual one, so that rows stay in registers.
template <class F>
void with_width(long cols, F f) {
  if (cols == 32)
    f(std::integral_constant<long, 32>{});
  else if (cols == 64)
    f(std::integral_constant<long, 64>{});
  else
    f(cols);
}

template <bool kSilu, class T>
void forward(Matrix<const T> x, const T* gain, const T* bias, double epsilon, Matrix<T> y, Matrix<T> statistics) {
  with_width(x.cols, [&](auto width) {
    const long c = width;
    for_chunks(x.rows, kRowsPerTask, [&](long first, long last) {
      for (long i = first; i < last; ++i) {
        const T* from = x.data + i * c;
        T* to = y.data + i * c;
        T sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
        for (long j = 0; j < c; ++j) sum += from[j];
        const T mean = sum / T(c);
        // A second look at the row, which is in L1: the difference of two large sums would lose small variances.
#pragma omp simd reduction(+ : squares)
        for (long j = 0; j < c; ++j) squares += (from[j] - mean) * (from[j] - mean);
        const T rstd = 1 / std::sqrt(squares / T(c) + T(epsilon));
#pragma omp simd
        for (long j = 0; j < c; ++j) {
          const T z = gain[j] * ((from[j] - mean) * rstd) + bias[j];
          to[j] = kSilu ? math::silu(z) : z;
        }
        statistics.row(i)[0] = mean;
        statistics.row(i)[1] = rstd;
      }
    });
  });
}

template <bool kSilu, class T>
void backward(Matrix<const T> x, const T* gain, const T* bias, Matrix<const T> statistics, Matrix<const T> dy, T* dx,
              T* dgain, T* dbias) {
  std::vector<T> sums(2 * x.cols);  // of dgain, then of dbias
  with_width(x.cols, [&](auto width) {
    const long c = width;
    sum_chunks(x.rows, kRowsPerTask, 2 * c, sums.data(), [&](long first, long last, T* partial) {
      std::vector<T> row(2 * c);  // of xhat, then of g
      T *xhat = row.data(), *g = xhat + c, *gain_sum = partial, *bias_sum = partial + c;
      for (long i = first; i < last; ++i) {
        const T *from = x.data + i * c, *arriving = dy.data + i * c;
        const T mean = statistics.row(i)[0], rstd = statistics.row(i)[1];
        T g_sum = 0, g_xhat_sum = 0;
#pragma omp simd reduction(+ : g_sum, g_xhat_sum)
        for (long j = 0; j < c; ++j) {
          const T h = (from[j] - mean) * rstd;
          const T u = kSilu ? arriving[j] * math::silu_slope(gain[j] * h + bias[j]) : arriving[j];
          gain_sum[j] += u * h;
          bias_sum[j] += u;
          xhat[j] = h;
          g[j] = u * gain[j];
          g_sum += g[j];
          g_xhat_sum += g[j] * h;
        }
        if (!dx) continue;
        const T g_mean = g_sum / T(c), g_xhat_mean = g_xhat_sum / T(c);
        T* to = dx + i * c;
#pragma omp simd
        for (long j = 0; j < c; ++j) to[j] += rstd * (g[j] - g_mean - xhat[j] * g_xhat_mean);
      }
    });
  });
  for (long j = 0; j < x.cols; ++j) {
    if (dgain) dgain[j] += sums[j];
    if (dbias) dbias[j] += sums[x.cols + j];
  }
}

}  // namespace

template <class T>
void layer_norm(Cpu, Matrix<const T> x, const T* gain, const T* bias, double epsilon, Matrix<T> y,
                Matrix<T> statistics) {
  forward<false>(x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_silu(Cpu, Matrix<const T> x, const T* gain, const T* bias, double epsilon, Matrix<T> y,
                     Matrix<T> statistics) {
  forward<true>(x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_backward(Cpu, Matrix<const T> x, const T* gain, const T* bias, Matrix<const T> statistics,
                         Matrix<const T> dy, T* dx, T* dgain, T* dbias) {
  backward<false>(x, gain, bias, statistics, dy, dx, dgain, dbias);
}
template <class T>
void layer_norm_silu_backward(Cpu, Matrix<const T> x, const T* gain, const T* bias, Matrix<const T> statistics,
                              Matrix<const T> dy, T* dx, T* dgain, T* dbias) {
  backward<true>(x, gain, bias, statistics, dy, dx, dgain, dbias);
}

#define INSTANTIATE(T)                                                                                               \
  template void layer_norm(Cpu, Matrix<const T>, const T*, const T*, double, Matrix<T>, Matrix<T>);                  \
  template void layer_norm_silu(Cpu, Matrix<const T>, const T*, const T*, double, Matrix<T>, Matrix<T>);             \
  template void layer_norm_backward(Cpu, Matrix<const T>, const T*, const T*, Matrix<const T>, Matrix<const T>, T*,  \
                                    T*, T*);                                                                         \
  template void layer_norm_silu_backward(Cpu, Matrix<const T>, const T*, const T*, Matrix<const T>, Matrix<const T>, \
                                         T*, T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
