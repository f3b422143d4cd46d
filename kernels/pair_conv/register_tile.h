// The two inner products of a pair convolution, each on a tile of sums that stays in vector registers. Left operands
// are rows behind pointers, so nothing is copied into panels first.
#pragma once

#include "kernels/common/vector.h"
#include "kernels/common/widen.h"

namespace heartbeat::kernels {

// y[r] = start[r] + sum over taps t and channels k of rows[t * stride + r][k] * W[t][k],   r < R
// W [taps, in, kTileCols]; y and start: R rows of kTileCols, y_stride and start_stride apart. They may be the same.
template <int R, class T>
void tile_forward(const T* const* rows, long stride, int taps, long in, const T* W, const T* start, long start_stride,
                  T* y, long y_stride) {
  typename VectorOf<T>::type sum[R][2];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v) sum[r][v] = load(start + r * start_stride + v * kLanes<T>);
  for (int t = 0; t < taps; ++t, rows += stride) {
    const T* x[R];
    for (int r = 0; r < R; ++r) x[r] = rows[r];
    for (long k = 0; k < in; ++k, W += kTileCols<T>) {
      const auto w0 = load(W), w1 = load(W + kLanes<T>);
      for (int r = 0; r < R; ++r) {
        sum[r][0] += x[r][k] * w0;
        sum[r][1] += x[r][k] * w1;
      }
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v) store(y + r * y_stride + v * kLanes<T>, sum[r][v]);
}

// dW[r] += sum over pairs p of x(p)[r] * dy[p],   r < R
// x(p) is channel .. channel + A of rows[p] followed by channels 0 .. R - A of next[p], the rows of the next tap.
// dy [pairs, kTileCols]; dW: R rows of kTileCols.
template <int R, int A, class T>
void tile_weight(const T* const* rows, const T* const* next, long channel, int pairs, const T* dy, T* dW) {
  typename VectorOf<T>::type sum[R][2];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v) sum[r][v] = load(dW + r * kTileCols<T> + v * kLanes<T>);
  for (int p = 0; p < pairs; ++p, dy += kTileCols<T>) {
    const T* const here = rows[p] + channel;
    const T* const there = A < R ? next[p] : nullptr;
    const auto d0 = load(dy), d1 = load(dy + kLanes<T>);
    for (int r = 0; r < R; ++r) {
      const T x = r < A ? here[r] : there[r - A];
      sum[r][0] += x * d0;
      sum[r][1] += x * d1;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < 2; ++v) store(dW + r * kTileCols<T> + v * kLanes<T>, sum[r][v]);
}

// All rows of dW [taps * in, kTileCols] for one block of pairs. Six rows of sums keep the multipliers busy and fewer do
// not, so a tile goes on in the next tap where a tap ends.
template <class T>
void weight_panel(const T* const* rows, long stride, long taps, long in, int pairs, const T* dy, T* dW) {
  const long total = taps * in;
  for (long first = 0; first < total;) {
    const long channel = first % in, left = std::min<long>(in - channel, kTileRows);
    const bool full = in >= kTileRows && first + kTileRows <= total;
    const T* const* here = rows + first / in * stride;
    T* const to = dW + first * kTileCols<T>;
    const auto tile = [&]<int A>() {
      if (full)
        tile_weight<kTileRows, A>(here, here + stride, channel, pairs, dy, to);
      else
        tile_weight<A, A>(here, here, channel, pairs, dy, to);
    };
    with_constant(left, tile);
    first += full ? kTileRows : left;
  }
}

// The first n <= kTileCols of a row.
template <class T>
void copy_columns(const T* from, long n, Acc<T>* to) {
  if (n == kTileCols<Acc<T>>)
    widen(from, kTileCols<Acc<T>>, to);
  else
    for (long c = 0; c < n; ++c) to[c] = from[c];
}

// sums[0 .. kTileCols) += the rows of x [rows, kTileCols]
template <class T>
void add_column_sums(const T* x, int rows, T* sums) {
  auto s0 = load(sums), s1 = load(sums + kLanes<T>);
  for (int r = 0; r < rows; ++r, x += kTileCols<T>) {
    s0 += load(x);
    s1 += load(x + kLanes<T>);
  }
  store(sums, s0);
  store(sums + kLanes<T>, s1);
}

}  // namespace heartbeat::kernels
