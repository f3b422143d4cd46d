#include "kernels/common/device_code.cuh"
#include "kernels/common/math.h"
#include "kernels/common/random_code.cuh"
#include "kernels/elementwise/elementwise.h"

namespace heartbeat::kernels {
namespace {

// y[k] = f(a[k], b[k]), or +=, with f in Acc<T>. Threads take 16 bytes at a time where all three arrays allow it, and
// single elements at the end or everywhere else.
template <bool kAccumulate, class T, class F>
__global__ void __launch_bounds__(kThreads) combine(long n, long packs, const T* a, const T* b, T* y, F f) {
  constexpr int kSize = Pack<T>::kSize;
  for (long p = grid_thread(); p < packs; p += grid_threads()) {
    const Pack<T> from_a = reinterpret_cast<const Pack<T>*>(a)[p], from_b = reinterpret_cast<const Pack<T>*>(b)[p];
    Pack<T>& to = reinterpret_cast<Pack<T>*>(y)[p];
    Pack<T> result;
    if constexpr (kAccumulate) result = to;
    for (int i = 0; i < kSize; ++i) {
      const Acc<T> value = f(from_a.at[i], from_b.at[i]);
      result.at[i] = T(kAccumulate ? result.at[i] + value : value);
    }
    to = result;
  }
  for (long k = packs * kSize + grid_thread(); k < n; k += grid_threads()) {
    const Acc<T> value = f(a[k], b[k]);
    y[k] = T(kAccumulate ? y[k] + value : value);
  }
}

template <bool kAccumulate, class T, class F>
void run(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y, F f) {
  const bool wide = is_aligned(a.data) && is_aligned(b.data) && is_aligned<const T>(y.data);
  const long n = y.numel(), packs = wide ? n / Pack<T>::kSize : 0;
  launch<combine<kAccumulate, T, F>>({.grid = blocks_for(wide ? packs + 1 : n, kThreads), .block = kThreads}, cuda, n,
                                     packs, a.data, b.data, y.data, f);
}
template <class T, class F>
void assign(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y, F f) {
  if (y.numel()) run<false, T>(cuda, a, b, y, f);
}
template <class T, class F>
void accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y, F f) {
  if (y.numel()) run<true, T>(cuda, a, b, y, f);
}

// A thread draws one block of Philox: the words of four elements.
template <bool kAccumulate, class Source, class T>
__global__ void __launch_bounds__(kThreads)
    dropout_by_fours(Source source, std::uint32_t keep_from, Acc<T> factor, long n, const T* x, T* y) {
  const RandomStream stream = stream_of_block(source);
  for (long block = grid_thread(); 4 * block < n; block += grid_threads()) {
    const RandomBlock words = stream.block(block);
    for (int i = 0; i < 4 && 4 * block + i < n; ++i) {
      const long k = 4 * block + i;
      const Acc<T> kept = words.word[i] < keep_from ? Acc<T>(0) : x[k] * factor;
      y[k] = T(kAccumulate ? y[k] + kept : kept);
    }
  }
}

template <bool kAccumulate, class Source, class T>
void run_dropout(Cuda cuda, Source source, double p, Matrix<const T> x, Matrix<T> y) {
  launch<dropout_by_fours<kAccumulate, Source, T>>({.grid = blocks_for(y.numel(), 4 * kThreads), .block = kThreads},
                                                   cuda, source, std::uint32_t(p * 0x1p32), Acc<T>(1 / (1 - p)),
                                                   y.numel(), x.data, y.data);
}

// Sums of columns over chunks of rows. A warp's lanes own neighbouring columns; its warps share the rows of the chunk.
constexpr long kRowsPerSum = 512;
constexpr int kSumWarps = 8;

template <class T>
__global__ void __launch_bounds__(kWarp* kSumWarps) column_sums_of_chunk(Matrix<const T> x, Acc<T>* partial) {
  __shared__ Acc<T> sums[kSumWarps][kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const long j = long(blockIdx.y) * kWarp + lane, first = blockIdx.x * kRowsPerSum;
  const long last = min(first + kRowsPerSum, x.rows);
  Acc<T> sum = 0;
  if (j < x.cols)
    for (long i = first + warp; i < last; i += kSumWarps) sum += x.row(i)[j];
  sums[warp][lane] = sum;
  __syncthreads();  // warp 0 reads what all have written
  if (warp || j >= x.cols) return;
  for (int w = 1; w < kSumWarps; ++w) sum += sums[w][lane];
  partial[blockIdx.x * x.cols + j] = sum;
}

}  // namespace

template <class T>
void add(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  assign(cuda, a, b, y, [] __device__(Acc<T> u, Acc<T> v) { return u + v; });
}
template <class T>
void mul(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  assign(cuda, a, b, y, [] __device__(Acc<T> u, Acc<T> v) { return u * v; });
}
template <class T>
void mul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  accumulate(cuda, a, b, y, [] __device__(Acc<T> u, Acc<T> v) { return u * v; });
}
template <class T>
void scale(Cuda cuda, double factor, Matrix<const T> x, Matrix<T> y) {
  const Acc<T> f = Acc<T>(factor);
  assign(cuda, x, x, y, [f] __device__(Acc<T> v, Acc<T>) { return f * v; });
}
template <class T>
void scale_accumulate(Cuda cuda, double factor, Matrix<const T> x, Matrix<T> y) {
  const Acc<T> f = Acc<T>(factor);
  accumulate(cuda, x, x, y, [f] __device__(Acc<T> v, Acc<T>) { return f * v; });
}

template <class T>
void scale_by_accumulate(Cuda cuda, const T* factor, Matrix<const T> x, Matrix<T> y) {
  accumulate(cuda, x, x, y, [factor] __device__(T v, T) { return *factor * v; });
}
template <class T>
void approach(Cuda cuda, double share, Matrix<const T> x, Matrix<T> y) {
  const T s = T(share);
  assign<T>(cuda, x, y, y, [s] __device__(T v, T average) { return average + s * (v - average); });
}
template <class T>
void approach(Cuda cuda, const double* share, Matrix<const T> x, Matrix<T> y) {
  assign<T>(cuda, x, y, y, [share] __device__(T v, T average) { return average + T(*share) * (v - average); });
}
template <class T>
void sum_of_terms(Cuda cuda, const double* terms, long n, T* y) {
  for_each(cuda, 1, [=] __device__(long) {
    double sum = 0;
    for (long k = 0; k < n; ++k) sum += terms[k];
    *y = T(sum);
  });
}

template <class T>
void add_bias(Cuda cuda, Matrix<const T> x, const Acc<T>* b, Matrix<T> y) {
  for_each(cuda, x.numel(), [=] __device__(long k) { y.data[k] = T(x.data[k] + b[k % x.cols]); });
}
template <class T>
void column_sum_accumulate(Cuda cuda, Matrix<const T> x, Acc<T>* y) {
  if (!x.numel()) return;
  const unsigned chunks = blocks_for(x.rows, kRowsPerSum), strips = blocks_for(x.cols, kWarp);
  const cuda::Scratch<Acc<T>> partial(cuda, chunks * x.cols);
  launch<column_sums_of_chunk<T>>({.grid = {chunks, strips}, .block = kWarp * kSumWarps}, cuda, x, partial.data());
  add_chunks<Acc<T>>(cuda, partial.data(), chunks, x.cols, y);
}

template <class T>
void relu(Cuda cuda, Matrix<const T> x, Matrix<T> y) {
  assign(cuda, x, x, y, [] __device__(Acc<T> v, Acc<T>) { return v < 0 ? Acc<T>(0) : v; });
}
template <class T>
void relu_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(cuda, y, dy, dx, [] __device__(Acc<T> v, Acc<T> d) { return v > 0 ? d : Acc<T>(0); });
}
template <class T>
void silu(Cuda cuda, Matrix<const T> x, Matrix<T> y) {
  assign(cuda, x, x, y, [] __device__(Acc<T> v, Acc<T>) { return math::silu(v); });
}
template <class T>
void silu_backward(Cuda cuda, Matrix<const T> x, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(cuda, x, dy, dx, [] __device__(Acc<T> v, Acc<T> d) { return d * math::silu_slope(v); });
}
template <class T>
void sigmoid(Cuda cuda, Matrix<const T> x, Matrix<T> y) {
  assign(cuda, x, x, y, [] __device__(Acc<T> v, Acc<T>) { return math::sigmoid(v); });
}
template <class T>
void sigmoid_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(cuda, y, dy, dx, [] __device__(Acc<T> v, Acc<T> d) { return d * v * (1 - v); });
}
template <class T>
void tanh(Cuda cuda, Matrix<const T> x, Matrix<T> y) {
  assign(cuda, x, x, y, [] __device__(Acc<T> v, Acc<T>) { return math::tanh(v); });
}
template <class T>
void tanh_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx) {
  accumulate(cuda, y, dy, dx, [] __device__(Acc<T> v, Acc<T> d) { return d * (1 - v * v); });
}

template <class From, class To>
void cast(Cuda cuda, Matrix<const From> x, Matrix<To> y) {
  for_each(cuda, y.numel(), [=] __device__(long k) { y.data[k] = To(x.data[k]); });
}
template <class From, class To>
void cast_accumulate(Cuda cuda, Matrix<const From> x, Matrix<To> y) {
  for_each(cuda, y.numel(), [=] __device__(long k) { y.data[k] = To(y.data[k] + Acc<To>(x.data[k])); });
}

template <class T>
void dropout(Cuda cuda, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<false>(cuda, stream, p, x, y);
}
template <class T>
void dropout_accumulate(Cuda cuda, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<true>(cuda, stream, p, x, y);
}
template <class T>
void dropout(Cuda cuda, StreamOnDevice name, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<false>(cuda, name, p, x, y);
}
template <class T>
void dropout_accumulate(Cuda cuda, StreamOnDevice name, double p, Matrix<const T> x, Matrix<T> y) {
  run_dropout<true>(cuda, name, p, x, y);
}

#define INSTANTIATE(T)                                                                      \
  template void add(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);                     \
  template void mul(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);                     \
  template void mul_accumulate(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);          \
  template void scale(Cuda, double, Matrix<const T>, Matrix<T>);                            \
  template void scale_accumulate(Cuda, double, Matrix<const T>, Matrix<T>);                 \
  template void add_bias(Cuda, Matrix<const T>, const Acc<T>*, Matrix<T>);                  \
  template void column_sum_accumulate(Cuda, Matrix<const T>, Acc<T>*);                      \
  template void relu(Cuda, Matrix<const T>, Matrix<T>);                                     \
  template void relu_backward(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);           \
  template void silu(Cuda, Matrix<const T>, Matrix<T>);                                     \
  template void silu_backward(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);           \
  template void sigmoid(Cuda, Matrix<const T>, Matrix<T>);                                  \
  template void sigmoid_backward(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);        \
  template void tanh(Cuda, Matrix<const T>, Matrix<T>);                                     \
  template void tanh_backward(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);           \
  template void dropout(Cuda, RandomStream, double, Matrix<const T>, Matrix<T>);            \
  template void dropout_accumulate(Cuda, RandomStream, double, Matrix<const T>, Matrix<T>); \
  template void dropout(Cuda, StreamOnDevice, double, Matrix<const T>, Matrix<T>);          \
  template void dropout_accumulate(Cuda, StreamOnDevice, double, Matrix<const T>, Matrix<T>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
#define INSTANTIATE(T)                                                           \
  template void scale_by_accumulate(Cuda, const T*, Matrix<const T>, Matrix<T>); \
  template void approach(Cuda, double, Matrix<const T>, Matrix<T>);              \
  template void approach(Cuda, const double*, Matrix<const T>, Matrix<T>);       \
  template void sum_of_terms(Cuda, const double*, long, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
#define INSTANTIATE(From, To)                               \
  template void cast(Cuda, Matrix<const From>, Matrix<To>); \
  template void cast_accumulate(Cuda, Matrix<const From>, Matrix<To>);
INSTANTIATE(float, bf16)
INSTANTIATE(bf16, float)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
