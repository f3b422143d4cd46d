// The inner product of a convolution on a tile of sums in vector registers, and what brings operands into its shape.
#pragma once

#include <utility>

#include "kernels/common/vector.h"

namespace heartbeat::kernels {

template <class T, int kBytes = kVectorBytes>
using Vector = typename VectorOf<T, kBytes>::type;

// sum[r][v] += left(r, k) * right(v, k) for k < n, all sums in registers. right gives vectors, left what each of their
// lanes is multiplied with.
template <int R, int V, class T, class Left, class Right, class Sums>
[[gnu::always_inline]] inline void add_products(long n, Left left, Right right, Sums (&sum)[R][V]) {
  for (long k = 0; k < n; ++k) {
    Sums b[V];
    for (int v = 0; v < V; ++v) b[v] = right(v, k);
    for (int r = 0; r < R; ++r) {
      const T a = left(r, k);
      for (int v = 0; v < V; ++v) sum[r][v] += a * b[v];
    }
  }
}

// A row of output pixels is cut into strips of a narrow vector: those of small images would leave half of a wide one
// empty. A vector holds one strip or two, a tile two vectors.
inline constexpr int kJoined = kVectorBytes / kNarrowBytes;
inline constexpr int kTileStrips = 2 * kJoined;
template <class T>
using Narrow = Vector<T, kNarrowBytes>;
template <class T>
inline constexpr int kStripLanes = kLanes<T, kNarrowBytes>;

template <class T>
[[gnu::always_inline]] inline Vector<T> join(const T* first, [[maybe_unused]] const T* second) {
  if constexpr (kJoined == 1)
    return load(first);
  else
    return [&]<int... I>(std::integer_sequence<int, I...>) {
      return __builtin_shufflevector(load<kNarrowBytes>(first), load<kNarrowBytes>(second), I...);
    }
  (std::make_integer_sequence<int, kLanes<T>>{});
}

// Calls f(k, strip k) for the strips of a vector.
template <class T, class F>
[[gnu::always_inline]] inline void for_strips(Vector<T> v, F f) {
  if constexpr (kJoined == 1)
    f(0, v);
  else
    [&]<int... I>(std::integer_sequence<int, I...>) {
      f(0, __builtin_shufflevector(v, v, I...));
      f(1, __builtin_shufflevector(v, v, I + kStripLanes<T>...));
    }
  (std::make_integer_sequence<int, kStripLanes<T>>{});
}

template <class T>
void copy_strip(const T* from, long n, T* to) {
  if (n == kStripLanes<T>)
    store(to, load<kNarrowBytes>(from));
  else
    std::copy_n(from, n, to);
}

// The first n lanes go to memory. A vector is never indexed by a variable: that would take its tile out of registers.
template <class T>
[[gnu::always_inline]] inline void store_strip(T* to, Narrow<T> v, long n) {
  if (n == kStripLanes<T>) {
    store(to, v);
  } else {
    T lane[kStripLanes<T>];
    store(lane, v);
    std::copy_n(lane, n, to);
  }
}
template <class T>
[[gnu::always_inline]] inline void add_strip(T* to, Narrow<T> v, long n) {
  if (n == kStripLanes<T>) {
    store(to, load<kNarrowBytes>(to) + v);
  } else {
    T lane[kStripLanes<T>];
    store(lane, v);
    for (long k = 0; k < n; ++k) to[k] += lane[k];
  }
}

// to[c * to_stride + r] = from[r * from_stride + c] for as many rows and columns as a vector has lanes: in every stage
// row r meets row r + lanes / 2, and both are woven into one. Where there are fewer rows, the last one fills the block.
template <class T>
void transpose_block(const T* from, long from_stride, long rows, T* to, long to_stride) {
  constexpr int kN = kLanes<T>;
  Vector<T> row[kN], woven[kN];
  for (int r = 0; r < kN; ++r) row[r] = load(from + std::min<long>(r, rows - 1) * from_stride);
  for (int stage = 1; stage < kN; stage *= 2) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
      for (int r = 0; r < kN / 2; ++r) {
        woven[2 * r] = __builtin_shufflevector(row[r], row[r + kN / 2], (I / 2 + I % 2 * kN)...);
        woven[2 * r + 1] = __builtin_shufflevector(row[r], row[r + kN / 2], (I / 2 + I % 2 * kN + kN / 2)...);
      }
    }
    (std::make_integer_sequence<int, kN>{});
    std::copy_n(woven, kN, row);
  }
  for (int c = 0; c < kN; ++c) store(to + c * to_stride, row[c]);
}

// to [cols, kStride] gets rows of `from`, from_stride apart, as columns, at most kStride of them; columns after those,
// up to a whole vector, get anything.
template <long kStride, class T>
void transpose_panel(const T* from, long from_stride, long rows, long cols, T* to) {
  constexpr long kN = kLanes<T>;
  for (long r = 0; r < rows; r += kN) {
    long c = 0;
    for (; c + kN <= cols; c += kN)
      transpose_block(from + r * from_stride + c, from_stride, rows - r, to + c * kStride + r, kStride);
    for (long k = r; k < std::min(rows, r + kN); ++k)
      for (long j = c; j < cols; ++j) to[j * kStride + k] = from[k * from_stride + j];
  }
}

}  // namespace heartbeat::kernels
