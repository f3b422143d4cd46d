// Tiles of sums that stay in vector registers: the vector type, loads and stores at any address, and loops whose trip
// count is a constant of the code.
#pragma once

#include <algorithm>

namespace heartbeat::kernels {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#else
inline constexpr int kVectorBytes = 32;
#endif
inline constexpr int kNarrowBytes = 32;  // for rows of a dozen elements, which would leave half of a wide vector empty
inline constexpr int kTileRows = 6;      // 6 x 2 sums, 2 right operands and 1 left operand fit the 16 registers of AVX2
inline constexpr int kTallTileRows = kVectorBytes == 64 ? 12 : kTileRows;  // and 12 x 2 the 32 of AVX-512

template <class T, int kBytes = kVectorBytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(kBytes)));
  typedef T unaligned __attribute__((vector_size(kBytes), aligned(alignof(T)), may_alias));
};
template <class T, int kBytes = kVectorBytes>
inline constexpr int kLanes = kBytes / sizeof(T);
template <class T, int kBytes = kVectorBytes>
inline constexpr int kTileCols = 2 * kLanes<T, kBytes>;

template <int kBytes = kVectorBytes, class T>
typename VectorOf<T, kBytes>::type load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T, kBytes>::unaligned*>(p);
}
template <class T, class V>
void store(T* p, V v) {
  *reinterpret_cast<typename VectorOf<T, sizeof(V)>::unaligned*>(p) = v;
}

// Calls f.template operator()<n>() for an n in 1 .. N that is known at run time only.
template <int N = kTileRows, class F>
void with_constant(long n, F f) {
  if (n == N)
    f.template operator()<N>();
  else if constexpr (N > 1)
    with_constant<N - 1>(n, f);
}

// Cuts n rows into register tiles of at most N and calls f.template operator()<R>(first) for each. They are of one
// size, give or take a row: a rest of 1 or 2 would leave the multipliers waiting for each other's sums.
template <int N = kTileRows, class F>
void for_tiles(long n, F f) {
  long tiles = (n + N - 1) / N;
  for (long first = 0, rows; first < n; first += rows, --tiles) {
    rows = (n - first + tiles - 1) / tiles;
    with_constant<N>(rows, [&]<int R>() { f.template operator()<R>(first); });
  }
}

}  // namespace heartbeat::kernels
