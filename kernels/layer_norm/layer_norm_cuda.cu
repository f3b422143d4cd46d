#include "kernels/common/device_code.cuh"
#include "kernels/common/math.h"
#include "kernels/layer_norm/layer_norm.h"

namespace heartbeat::kernels {
namespace {

constexpr int kRowsPerBlock = 8;   // one warp per row
constexpr long kRowsPerSum = 256;  // rows whose dgain and dbias one block adds

template <bool kSilu, class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    normalise_row_per_warp(Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, Acc<T> epsilon, Matrix<T> y,
                           Matrix<Acc<T>> statistics) {
  const long i = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (i >= x.rows) return;  // whole warps leave together
  const int lane = threadIdx.x % kWarp;
  const T* from = x.row(i);
  Acc<T> sum = 0, squares = 0;
  for (long j = lane; j < x.cols; j += kWarp) sum += from[j];
  const Acc<T> mean = warp_sum(sum) / Acc<T>(x.cols);
  // A second look at the row: the difference of two large sums would lose a small variance.
  for (long j = lane; j < x.cols; j += kWarp) squares += (from[j] - mean) * (from[j] - mean);
  const Acc<T> rstd = 1 / std::sqrt(warp_sum(squares) / Acc<T>(x.cols) + epsilon);
  if (lane == 0) {
    statistics.row(i)[0] = mean;
    statistics.row(i)[1] = rstd;
  }
  for (long j = lane; j < x.cols; j += kWarp) {
    const Acc<T> z = gain[j] * ((from[j] - mean) * rstd) + bias[j];
    y.row(i)[j] = T(kSilu ? math::silu(z) : z);
  }
}

// u of the contract and xhat, for element j of a row.
template <class T>
struct Arriving {
  T xhat, u;
};
template <bool kSilu, class T>
__device__ Arriving<T> arriving(T x, T gain, T bias, T mean, T rstd, T dy) {
  const T xhat = (x - mean) * rstd;
  return {xhat, kSilu ? dy * math::silu_slope(gain * xhat + bias) : dy};
}

template <bool kSilu, class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    add_dx_row_per_warp(Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, Matrix<const Acc<T>> statistics,
                        Matrix<const T> dy, T* dx) {
  const long i = long(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (i >= x.rows) return;  // whole warps leave together
  const int lane = threadIdx.x % kWarp;
  const Acc<T> mean = statistics.row(i)[0], rstd = statistics.row(i)[1];
  Acc<T> g_sum = 0, g_xhat_sum = 0;
  for (long j = lane; j < x.cols; j += kWarp) {
    const auto [xhat, u] = arriving<kSilu, Acc<T>>(x.row(i)[j], gain[j], bias[j], mean, rstd, dy.row(i)[j]);
    g_sum += u * gain[j];
    g_xhat_sum += u * gain[j] * xhat;
  }
  const Acc<T> g_mean = warp_sum(g_sum) / Acc<T>(x.cols), g_xhat_mean = warp_sum(g_xhat_sum) / Acc<T>(x.cols);
  for (long j = lane; j < x.cols; j += kWarp) {
    const auto [xhat, u] = arriving<kSilu, Acc<T>>(x.row(i)[j], gain[j], bias[j], mean, rstd, dy.row(i)[j]);
    T& to = dx[i * x.cols + j];
    to = T(to + rstd * (u * gain[j] - g_mean - xhat * g_xhat_mean));
  }
}

// A warp's lanes own neighbouring columns; the warps of a block share the rows of a chunk. partial [chunks, 2, c].
template <bool kSilu, class T>
__global__ void __launch_bounds__(kRowsPerBlock* kWarp)
    parameter_sums_of_chunk(Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, Matrix<const Acc<T>> statistics,
                            Matrix<const T> dy, Acc<T>* partial) {
  __shared__ Acc<T> sums[kRowsPerBlock][2][kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const long j = long(blockIdx.y) * kWarp + lane, first = blockIdx.x * kRowsPerSum;
  const long last = min(first + kRowsPerSum, x.rows);
  Acc<T> gain_sum = 0, bias_sum = 0;
  if (j < x.cols)
    for (long i = first + warp; i < last; i += kRowsPerBlock) {
      const Acc<T> mean = statistics.row(i)[0], rstd = statistics.row(i)[1];
      const auto [xhat, u] = arriving<kSilu, Acc<T>>(x.row(i)[j], gain[j], bias[j], mean, rstd, dy.row(i)[j]);
      gain_sum += u * xhat;
      bias_sum += u;
    }
  sums[warp][0][lane] = gain_sum;
  sums[warp][1][lane] = bias_sum;
  __syncthreads();  // the first two warps read what all have written
  if (warp > 1 || j >= x.cols) return;
  Acc<T> sum = 0;
  for (int w = 0; w < kRowsPerBlock; ++w) sum += sums[w][warp][lane];
  partial[(blockIdx.x * 2L + warp) * x.cols + j] = sum;
}

template <bool kSilu, class T>
void forward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
             Matrix<Acc<T>> statistics) {
  launch<normalise_row_per_warp<kSilu, T>>({.grid = blocks_for(x.rows, kRowsPerBlock), .block = kRowsPerBlock * kWarp},
                                           cuda, x, gain, bias, Acc<T>(epsilon), y, statistics);
}

template <bool kSilu, class T>
void backward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, Matrix<const Acc<T>> statistics,
              Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias) {
  if (!x.numel()) return;
  const unsigned block = kRowsPerBlock * kWarp;
  if (dx)
    launch<add_dx_row_per_warp<kSilu, T>>({.grid = blocks_for(x.rows, kRowsPerBlock), .block = block}, cuda, x, gain,
                                          bias, statistics, dy, dx);
  if (!dgain && !dbias) return;
  const unsigned chunks = blocks_for(x.rows, kRowsPerSum), strips = blocks_for(x.cols, kWarp);
  const long c = x.cols;
  const cuda::Scratch<Acc<T>> partial(cuda, chunks * 2 * c);
  const Acc<T>* sums = partial.data();
  launch<parameter_sums_of_chunk<kSilu, T>>({.grid = {chunks, strips}, .block = block}, cuda, x, gain, bias, statistics,
                                            dy, partial.data());
  for_each(cuda, c, [=] __device__(long j) {
    Acc<T> gain_sum = 0, bias_sum = 0;
    for (long k = 0; k < chunks; ++k) {
      gain_sum += sums[2 * k * c + j];
      bias_sum += sums[(2 * k + 1) * c + j];
    }
    if (dgain) dgain[j] += gain_sum;
    if (dbias) dbias[j] += bias_sum;
  });
}

}  // namespace

template <class T>
void layer_norm(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                Matrix<Acc<T>> statistics) {
  forward<false>(cuda, x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_silu(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                     Matrix<Acc<T>> statistics) {
  forward<true>(cuda, x, gain, bias, epsilon, y, statistics);
}
template <class T>
void layer_norm_backward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                         Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias) {
  backward<false>(cuda, x, gain, bias, statistics, dy, dx, dgain, dbias);
}
template <class T>
void layer_norm_silu_backward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                              Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain,
                              Acc<T>* dbias) {
  backward<true>(cuda, x, gain, bias, statistics, dy, dx, dgain, dbias);
}

#define INSTANTIATE(T)                                                                                              \
  template void layer_norm(Cuda, Matrix<const T>, const Acc<T>*, const Acc<T>*, double, Matrix<T>, Matrix<Acc<T>>); \
  template void layer_norm_silu(Cuda, Matrix<const T>, const Acc<T>*, const Acc<T>*, double, Matrix<T>,             \
                                Matrix<Acc<T>>);                                                                    \
  template void layer_norm_backward(Cuda, Matrix<const T>, const Acc<T>*, const Acc<T>*, Matrix<const Acc<T>>,      \
                                    Matrix<const T>, T*, Acc<T>*, Acc<T>*);                                         \
  template void layer_norm_silu_backward(Cuda, Matrix<const T>, const Acc<T>*, const Acc<T>*, Matrix<const Acc<T>>, \
                                         Matrix<const T>, T*, Acc<T>*, Acc<T>*);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
