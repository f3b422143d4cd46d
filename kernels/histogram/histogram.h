// Histogram and statistics of a tensor, by the fixed signed-log2 bins of the heartbeat.
//
//   x      [n]  f32 or f64
//   stats       overwritten: 264 counts whose sum is n; min, max, sum, sum of squares and of magnitudes of finite
//   values
//
// Two bins per octave of |x|, from 2^-40 to 2^24, the same edges for every tensor, step and run. Merging adds integers:
// bins are exact in any order. Sums are kept in f64, over fixed chunks and in chunk order: results repeat to the bit
// for any number of threads. Not differentiable.
#pragma once

#include <bit>
#include <cmath>
#include <span>
#include <type_traits>

#include "kernels/common/base.h"
#include "kernels/common/chunk_table.h"
#include "kernels/common/statistics.h"

namespace heartbeat {

inline constexpr int kMagnitudeBins = 128;               // regular bins of each sign
inline constexpr int kFirstPositiveBin = kZeroBin + 2;   // 2^-40 <= x < 1.5 * 2^-40
inline constexpr int kOverBin = 260, kMinusOverBin = 0;  // |x| >= 2^24, finite

// How T is cut into bins: the exponent and one bit of the mantissa are the top bits of |x|, so no logarithm is taken.
template <class T>
struct BinBits {
  using Int = std::conditional_t<std::is_same_v<T, float>, std::int32_t, std::int64_t>;
  static constexpr int kSignShift = 8 * sizeof(T) - 1;
  static constexpr int kShift = std::is_same_v<T, float> ? 22 : 51;    // drops all but exponent and one mantissa bit
  static constexpr int kBase = std::is_same_v<T, float> ? 174 : 1966;  // 2 (bias - 40), so that 2^-40 is bin k = 0
  static constexpr Int kMagnitude = std::is_same_v<T, float> ? Int(0x7fffffff) : Int(0x7fffffffffffffff);
  static constexpr Int kInfinity = std::is_same_v<T, float> ? Int(0x7f800000) : Int(0x7ff0000000000000);
};

// Index of the bin of x, 0..263: from -2^24 and below over zero (130) to 2^24 and above, then NaN, +Inf, -Inf.
template <class T>
constexpr int bin_of(T x) {
  using B = BinBits<T>;
  const auto u = std::bit_cast<typename B::Int>(x);
  const auto m = u & B::kMagnitude;
  if (m > B::kInfinity) return kNanBin;
  if (m == B::kInfinity) return u < 0 ? kMinusInfBin : kPlusInfBin;
  if (m == 0) return kZeroBin;
  const int k = int(m >> B::kShift) - B::kBase;
  const int r = k < 0 ? 0 : k >= kMagnitudeBins ? kMagnitudeBins + 1 : k + 1;
  return u < 0 ? kZeroBin - 1 - r : kZeroBin + 1 + r;
}

// Smallest magnitude in regular bin k: 2^(k/2 - 40), times 1.5 for odd k. k = 128 is the end of the range, 2^24.
inline double magnitude_edge(int k) {
  return std::ldexp(k % 2 ? 1.5 : 1.0, k / 2 - 40);
}

// Ends of a bin on the number line, low <= high: [low, high) right of zero, (low, high] left of it. The outer ends of
// the over bins are infinite; those of NaN, +Inf and -Inf are NaN.
inline double bin_high_edge(int index);
inline double bin_low_edge(int index) {
  if (index >= kNanBin) return NAN;
  if (index < kZeroBin) return -bin_high_edge(2 * kZeroBin - index);
  return index <= kZeroBin + 1 ? 0 : magnitude_edge(index - kFirstPositiveBin);
}
inline double bin_high_edge(int index) {
  if (index >= kNanBin) return NAN;
  if (index < kZeroBin) return -bin_low_edge(2 * kZeroBin - index);
  return index == kZeroBin ? 0 : index == kOverBin ? INFINITY : magnitude_edge(index - kFirstPositiveBin + 1);
}

// Adds the counts and statistics of `from`, as if both had been taken in one go (sums up to rounding).
void merge(TensorStats& into, const TensorStats& from);

namespace kernels {

template <class T>
void histogram(Cpu, const T* x, long n, TensorStats& stats);
// All tensors in one parallel loop; table holds their sizes, stats [tensors].
template <class T>
void histogram(Cpu, const ChunkTable& table, std::span<const T* const> tensors, std::span<TensorStats> stats);

// On a GPU: queued on the stream. The pointers in the host's span `tensors` and all of `stats` are device memory.
template <class T>
void histogram(Cuda cuda, const ChunkTable& table, std::span<const T* const> tensors, std::span<TensorStats> stats);

}  // namespace kernels
}  // namespace heartbeat
