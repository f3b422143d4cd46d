#include "kernels/max_pool/max_pool.h"

#include <cstring>
#include <utility>

#include "kernels/common/parallel.h"

namespace heartbeat::kernels {
namespace {

constexpr long kChunk = 1 << 15;  // elements of x that are worth another core

long planes_per_task(const MaxPoolShape& s) {
  return std::max(1L, kChunk / std::max(1L, s.height * s.width));
}

// One row of windows, the first of which starts at row[0]; `first` is the index of row[0] in the plane, from may be
// null. One pass over all windows for each place in a window.
template <class T>
void pool_row(const MaxPoolShape& s, const T* row, std::int32_t first, T* y, std::int32_t* from) {
  const long n = s.out_width();
  for (long i = 0; i < s.size; ++i)
    for (long j = 0; j < s.size; ++j)
      for (long q = 0; q < n; ++q) {
        const long place = i * s.width + j + q * s.stride;
        const T v = row[place];
        const bool take = (i == 0 && j == 0) | (v > y[q]) | (v != v);
        y[q] = take ? v : y[q];
        if (from) from[q] = take ? first + std::int32_t(place) : from[q];
      }
}

template <class V>
V read(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The first kLanes windows of a row where they are 2 x 2 and stand side by side. All choices are vector blends: which
// of four random numbers is the largest, no branch can predict.
template <int kLanes, class T>
void pool_pairs(const T* row, long width, std::int32_t first, T* y, std::int32_t* from) {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef T Values __attribute__((vector_size(kLanes * sizeof(T))));
  typedef Integer Places __attribute__((vector_size(kLanes * sizeof(T))));
  typedef std::int32_t Indices __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

  [&]<int... I>(std::integer_sequence<int, I...>) {
    Values best;
    Places at = {};
    const auto meet = [&](Values v, Integer place) {
      const Places take = (v > best) | (v != v);
      best = take ? v : best;
      at = take ? Places{} + place : at;
    };
    for (int i = 0; i < 2; ++i) {
      const Values low = read<Values>(row + i * width), high = read<Values>(row + i * width + kLanes);
      const Values left = __builtin_shufflevector(low, high, 2 * I...);
      const Values right = __builtin_shufflevector(low, high, 2 * I + 1 ...);
      if (i == 0)
        best = left;
      else
        meet(left, Integer(width));
      meet(right, Integer(i * width + 1));
    }
    std::memcpy(y, &best, sizeof best);
    if (!from) return;
    const Indices index = __builtin_convertvector(at + Places{2 * I...} + Integer(first), Indices);
    std::memcpy(from, &index, sizeof index);
  }
  (std::make_integer_sequence<int, kLanes>{});
}

// Vectors of 32 bytes while they fit, then halves of them.
template <int kLanes, class T>
void pool_row_of_pairs(const T* row, long width, long n, std::int32_t first, T* y, std::int32_t* from) {
  for (; n >= kLanes; n -= kLanes, row += 2 * kLanes, first += 2 * kLanes, y += kLanes) {
    pool_pairs<kLanes>(row, width, first, y, from);
    if (from) from += kLanes;
  }
  if constexpr (kLanes > 1)
    if (n > 0) pool_row_of_pairs<kLanes / 2>(row, width, n, first, y, from);
}

}  // namespace

template <class T>
void max_pool(Cpu, const MaxPoolShape& s, const T* x, T* y, std::int32_t* from) {
  const bool pairs = s.size == 2 && s.stride == 2;
  const long rows = s.out_height(), cols = s.out_width();
  for_chunks(s.planes, planes_per_task(s), [&](long first, long last) {
    for (long plane = first; plane < last; ++plane)
      for (long p = 0; p < rows; ++p) {
        const long start = p * s.stride * s.width, out = (plane * rows + p) * cols;
        const T* const row = x + plane * s.height * s.width + start;
        std::int32_t* const to = from ? from + out : nullptr;
        if (pairs)
          pool_row_of_pairs<32 / sizeof(T)>(row, s.width, cols, std::int32_t(start), y + out, to);
        else
          pool_row(s, row, std::int32_t(start), y + out, to);
      }
  });
}

template <class T>
void max_pool_dx_accumulate(Cpu, const MaxPoolShape& s, const T* dy, const std::int32_t* from, T* dx) {
  const long windows = s.out_height() * s.out_width();
  for_chunks(s.planes, planes_per_task(s), [&](long first, long last) {
    for (long plane = first; plane < last; ++plane)
      for (long k = plane * windows; k < (plane + 1) * windows; ++k) dx[plane * s.height * s.width + from[k]] += dy[k];
  });
}

#define HEARTBEAT_INSTANTIATE(T)                                                 \
  template void max_pool(Cpu, const MaxPoolShape&, const T*, T*, std::int32_t*); \
  template void max_pool_dx_accumulate(Cpu, const MaxPoolShape&, const T*, const std::int32_t*, T*)
HEARTBEAT_INSTANTIATE(float);
HEARTBEAT_INSTANTIATE(double);
#undef HEARTBEAT_INSTANTIATE

}  // namespace heartbeat::kernels
