#include "kernels/elementwise/elementwise.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "kernels/common/philox_cpu.h"
#include "kernels/common/widen.h"

namespace heartbeat::kernels {
namespace {

constexpr long kElementsPerTask = 1 << 14;  // 64 KB of f32; a multiple of kWordsAtOnce
constexpr long kRowsPerSum = 512;

// y[k] = f(k), or y[k] += f(k), with f in Acc<T>.
template <class T, class F>
void assign(Matrix<T> y, F f) {
  for_chunks(y.numel(), kElementsPerTask, [&](long first, long last) {
#pragma omp simd
    for (long k = first; k < last; ++k) put<T>(f(k), y.data[k]);
  });
}
template <class T, class F>
void accumulate(Matrix<T> y, F f) {
  for_chunks(y.numel(), kElementsPerTask, [&](long first, long last) {
#pragma omp simd
    for (long k = first; k < last; ++k) put<T>(y.data[k] + f(k), y.data[k]);
  });
}

template <bool kAccumulate, class T>
void run_dropout(RandomStream stream, double p, Matrix<const T> x, Matrix<T> y) {
  const std::uint32_t keep_from = std::uint32_t(p * 0x1p32);
  const Acc<T> factor = Acc<T>(1 / (1 - p));
  for_chunks(y.numel(), kElementsPerTask, [&](long first, long last) {
    for (long start = first; start < last; start += kWordsAtOnce) {
      std::uint32_t word[kWordsAtOnce];
      random_words(stream, start / 4, word);
      const T* from = x.data + start;
      T* to = y.data + start;
      const long width = std::min<long>(kWordsAtOnce, last - start);
#pragma omp simd
      for (long k = 0; k < width; ++k) {
        const Acc<T> scaled = from[k] * factor;  // read in any case: a conditional load does not vectorise
        const Acc<T> kept = word[k] < keep_from ? Acc<T>(0) : scaled;
        put<T>(kAccumulate ? to[k] + kept : kept, to[k]);
      }
    }
  });
}

}  // namespace

template <class T>
void add(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  assign(y, [=](long k) { return a.data[k] + b.data[k]; });
}
template <class T>
void mul(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  assign(y, [=](long k) { return a.data[k] * b.data[k]; });
}
template <class T>
void mul_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  accumulate(y, [=](long k) { return a.data[k] * b.data[k]; });
}
template <class T>
void scale(Cpu, double factor, Matrix<const T> x, Matrix<T> y) {
  assign(y, [=, f = Acc<T>(factor)](long k) { return f * x.data[k]; });
}
template <class T>
void scale_accumulate(Cpu, double factor, Matrix<const T> x, Matrix<T> y) {
  accumulate(y, [=, f = Acc<T>(factor)](long k) { return f * x.data[k]; });
}

template <class T>
void scale_by_accumulate(Cpu, const T* factor, Matrix<const T> x, Matrix<T> y) {
  accumulate(y, [=, f = *factor](long k) { return f * x.data[k]; });
}
template <class T>
void approach(Cpu, double share, Matrix<const T> x, Matrix<T> y) {
  accumulate(y, [=, s = T(share)](long k) { return s * (x.data[k] - y.data[k]); });
}
template <class T>
void sum_of_terms(Cpu, const double* terms, long n, T* y) {
  *y = T(std::accumulate(terms, terms + n, 0.0));
}

template <class T>
void add_bias(Cpu, Matrix<const T> x, const Acc<T>* b, Matrix<T> y) {
  for_chunks(x.rows, std::max(1L, kElementsPerTask / std::max(1L, x.cols)), [&](long first, long last) {
    for (long i = first; i < last; ++i) {
      const T* from = x.row(i);
      T* to = y.row(i);
#pragma omp simd
      for (long j = 0; j < x.cols; ++j) put<T>(from[j] + b[j], to[j]);
    }
  });
}
template <class T>
void column_sum_accumulate(Cpu, Matrix<const T> x, Acc<T>* y) {
  sum_chunks(x.rows, kRowsPerSum, x.cols, y, [&](long first, long last, Acc<T>* partial) {
    for (long i = first; i < last; ++i) {
      const T* from = x.row(i);
#pragma omp simd
      for (long j = 0; j < x.cols; ++j) partial[j] += from[j];
    }
  });
}

template <class T>
void relu(Cpu, Matrix<const T> x, Matrix<T> y) {
  assign(y, [=](long k) { return x.data[k] < 0 ? Acc<T>(0) : x.data[k]; });
}
template <class T>
void relu_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(dx, [=](long k) {
    const Acc<T> passed = dy.data[k];  // read in any case: a conditional load does not vectorise
    return y.data[k] > 0 ? passed : Acc<T>(0);
  });
}
template <class T>
void silu(Cpu, Matrix<const T> x, Matrix<T> y) {
  assign(y, [=](long k) { return math::silu(Acc<T>(x.data[k])); });
}
template <class T>
void silu_backward(Cpu, Matrix<const T> x, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(dx, [=](long k) { return dy.data[k] * math::silu_slope(Acc<T>(x.data[k])); });
}
template <class T>
void sigmoid(Cpu, Matrix<const T> x, Matrix<T> y) {
  assign(y, [=](long k) { return math::sigmoid(Acc<T>(x.data[k])); });
}
template <class T>
void sigmoid_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(dx, [=](long k) { return dy.data[k] * y.data[k] * (1 - y.data[k]); });
}
template <class T>
void tanh(Cpu, Matrix<const T> x, Matrix<T> y) {
  assign(y, [=](long k) { return math::tanh(Acc<T>(x.data[k])); });
}
template <class T>
void tanh_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(dx, [=](long k) { return dy.data[k] * (1 - y.data[k] * y.data[k]); });
}

template <class From, class To>
void cast(Cpu, Matrix<const From> x, Matrix<To> y) {
  assign(y, [=](long k) { return Acc<To>(x.data[k]); });
}
template <class From, class To>
void cast_accumulate(Cpu, Matrix<const From> x, Matrix<To> y) {
  accumulate(y, [=](long k) { return Acc<To>(x.data[k]); });
}

template <class T>
void dropout(Cpu, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<false>(stream, p, x, y);
}
template <class T>
void dropout_accumulate(Cpu, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<true>(stream, p, x, y);
}

#define INSTANTIATE(T)                                                              \
  template void add(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);              \
  template void mul(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);              \
  template void mul_accumulate(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);   \
  template void scale(Cpu, double, Matrix<const T>, Matrix<T>);                     \
  template void scale_accumulate(Cpu, double, Matrix<const T>, Matrix<T>);          \
  template void add_bias(Cpu, Matrix<const T>, const Acc<T>*, Matrix<T>);           \
  template void column_sum_accumulate(Cpu, Matrix<const T>, Acc<T>*);               \
  template void relu(Cpu, Matrix<const T>, Matrix<T>);                              \
  template void relu_backward(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);    \
  template void silu(Cpu, Matrix<const T>, Matrix<T>);                              \
  template void silu_backward(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);    \
  template void sigmoid(Cpu, Matrix<const T>, Matrix<T>);                           \
  template void sigmoid_backward(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>); \
  template void tanh(Cpu, Matrix<const T>, Matrix<T>);                              \
  template void tanh_backward(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);    \
  template void dropout(Cpu, RandomStream, double, Matrix<const T>, Matrix<T>);     \
  template void dropout_accumulate(Cpu, RandomStream, double, Matrix<const T>, Matrix<T>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
#define INSTANTIATE(T)                                                          \
  template void scale_by_accumulate(Cpu, const T*, Matrix<const T>, Matrix<T>); \
  template void approach(Cpu, double, Matrix<const T>, Matrix<T>);              \
  template void sum_of_terms(Cpu, const double*, long, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
#define INSTANTIATE(From, To)                              \
  template void cast(Cpu, Matrix<const From>, Matrix<To>); \
  template void cast_accumulate(Cpu, Matrix<const From>, Matrix<To>);
INSTANTIATE(float, bf16)
INSTANTIATE(bf16, float)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
