#include "kernels/layer_norm/layer_norm.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "kernels/common/widen.h"

namespace heartbeat::kernels {
namespace {

constexpr long kRowsPerTask = 256;
// Sums across a row end in a long chain of dependent additions, and so do the root and the quotient after them. Blocks
// of rows go through each stage together: the chains of several rows overlap, and the block stays in L1.
constexpr long kRowsPerBlock = 16;

// Calls f(first, last) for each block of [first, last).
template <class F>
void for_blocks(long first, long last, F f) {
  for (long i = first; i < last; i += kRowsPerBlock) f(i, std::min(last, i + kRowsPerBlock));
}

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

// Mean and 1 / sqrt(variance + epsilon) of one row.
template <class T>
void measure(const T* x, long c, Acc<T> epsilon, Acc<T>* statistics) {
  using A = Acc<T>;
  A sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (long j = 0; j < c; ++j) sum += x[j];
  const A mean = sum / A(c);
  // A second look at the row: the difference of two large sums would lose a small variance.
#pragma omp simd reduction(+ : squares)
  for (long j = 0; j < c; ++j) squares += (x[j] - mean) * (x[j] - mean);
  statistics[0] = mean;
  statistics[1] = 1 / std::sqrt(squares / A(c) + epsilon);
}

template <bool kSilu, class T>
void forward(Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
             Matrix<Acc<T>> statistics) {
  using A = Acc<T>;
  with_width(x.cols, [&](auto width) {
    const long c = width;
    for_chunks(x.rows, kRowsPerTask, [&](long chunk_first, long chunk_last) {
      for_blocks(chunk_first, chunk_last, [&](long first, long last) {
        for (long i = first; i < last; ++i) measure(x.data + i * c, c, A(epsilon), statistics.row(i));
        for (long i = first; i < last; ++i) {
          const T* from = x.data + i * c;
          const A mean = statistics.row(i)[0], rstd = statistics.row(i)[1];
          T* to = y.data + i * c;
#pragma omp simd
          for (long j = 0; j < c; ++j) {
            const A z = gain[j] * ((from[j] - mean) * rstd) + bias[j];
            put<T>(kSilu ? math::silu(z) : z, to[j]);
          }
        }
      });
    });
  });
}

template <bool kSilu, class T>
void backward(Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, Matrix<const Acc<T>> statistics,
              Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias) {
  using A = Acc<T>;
  std::vector<A> sums(2 * x.cols);  // of dgain, then of dbias
  with_width(x.cols, [&](auto width) {
    const long c = width;
    sum_chunks(x.rows, kRowsPerTask, 2 * c, sums.data(), [&](long chunk_first, long chunk_last, A* partial) {
      A *gain_sum = partial, *bias_sum = partial + c;
      std::vector<A> scratch(2 * kRowsPerBlock * c);
      A *xhat = scratch.data(), *g = xhat + kRowsPerBlock * c;  // of one block; g starts as u
      A g_mean[kRowsPerBlock], g_xhat_mean[kRowsPerBlock];
      for_blocks(chunk_first, chunk_last, [&](long first, long last) {
        for (long i = first; i < last; ++i) {
          const T *from = x.data + i * c, *arriving = dy.data + i * c;
          const A mean = statistics.row(i)[0], rstd = statistics.row(i)[1];
          A *h = xhat + (i - first) * c, *u = g + (i - first) * c;
#pragma omp simd
          for (long j = 0; j < c; ++j) {
            h[j] = (from[j] - mean) * rstd;
            u[j] = kSilu ? arriving[j] * math::silu_slope(gain[j] * h[j] + bias[j]) : arriving[j];
          }
        }
        for (long k = 0; k < last - first; ++k) {
          A *h = xhat + k * c, *u = g + k * c, g_sum = 0, g_xhat_sum = 0;
#pragma omp simd reduction(+ : g_sum, g_xhat_sum)
          for (long j = 0; j < c; ++j) {
            gain_sum[j] += u[j] * h[j];
            bias_sum[j] += u[j];
            u[j] *= gain[j];
            g_sum += u[j];
            g_xhat_sum += u[j] * h[j];
          }
          g_mean[k] = g_sum / A(c);
          g_xhat_mean[k] = g_xhat_sum / A(c);
        }
        for (long i = first; dx && i < last; ++i) {
          const A *h = xhat + (i - first) * c, *gi = g + (i - first) * c;
          const A rstd = statistics.row(i)[1], mean = g_mean[i - first], xhat_mean = g_xhat_mean[i - first];
          T* to = dx + i * c;
#pragma omp simd
          for (long j = 0; j < c; ++j) put<T>(to[j] + rstd * (gi[j] - mean - h[j] * xhat_mean), to[j]);
        }
      });
    });
  });
  for (long j = 0; j < x.cols; ++j) {
    if (dgain) dgain[j] += sums[j];
    if (dbias) dbias[j] += sums[x.cols + j];
  }
}

}  // namespace

template <class T>
void layer_norm(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                Matrix<Acc<T>> statistics) {
  forward<false>(x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_silu(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                     Matrix<Acc<T>> statistics) {
  forward<true>(x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_backward(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                         Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias) {
  backward<false>(x, gain, bias, statistics, dy, dx, dgain, dbias);
}
template <class T>
void layer_norm_silu_backward(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                              Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain,
                              Acc<T>* dbias) {
  backward<true>(x, gain, bias, statistics, dy, dx, dgain, dbias);
}

#define INSTANTIATE(T)                                                                                             \
  template void layer_norm(Cpu, Matrix<const T>, const Acc<T>*, const Acc<T>*, double, Matrix<T>, Matrix<Acc<T>>); \
  template void layer_norm_silu(Cpu, Matrix<const T>, const Acc<T>*, const Acc<T>*, double, Matrix<T>,             \
                                Matrix<Acc<T>>);                                                                   \
  template void layer_norm_backward(Cpu, Matrix<const T>, const Acc<T>*, const Acc<T>*, Matrix<const Acc<T>>,      \
                                    Matrix<const T>, T*, Acc<T>*, Acc<T>*);                                        \
  template void layer_norm_silu_backward(Cpu, Matrix<const T>, const Acc<T>*, const Acc<T>*, Matrix<const Acc<T>>, \
                                         Matrix<const T>, T*, Acc<T>*, Acc<T>*);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
