#include "kernels/max_pool/max_pool.h"

#include "kernels/common/parallel.h"

namespace heartbeat::kernels {
namespace {

constexpr long kChunk = 1 << 15;  // elements of x that are worth another core

long planes_per_task(const MaxPoolShape& s) {
  return std::max(1L, kChunk / std::max(1L, s.height * s.width));
}

// One row of windows, the first of which starts at row[0]; `first` is its index in the plane. One pass over all windows
// for each place in a window, without branches. kStride 0 stands for any stride.
template <long kStride, bool kIndex, class T>
void pool_row(const MaxPoolShape& s, const T* row, std::int32_t first, T* y, std::int32_t* from) {
  const long stride = kStride ? kStride : s.stride, n = s.out_width();
#pragma omp simd
  for (long q = 0; q < n; ++q) {
    y[q] = row[q * stride];
    if (kIndex) from[q] = first + std::int32_t(q * stride);
  }
  for (long i = 0; i < s.size; ++i)
    for (long j = i == 0; j < s.size; ++j) {
      const T* const x = row + i * s.width + j;
      const std::int32_t at = first + std::int32_t(i * s.width + j);
#pragma omp simd
      for (long q = 0; q < n; ++q) {
        const T v = x[q * stride], best = y[q];
        const bool take = (v > best) | (v != v);
        y[q] = take ? v : best;
        if (kIndex) from[q] = take ? at + std::int32_t(q * stride) : from[q];
      }
    }
}

template <long kStride, bool kIndex, class T>
void pool(const MaxPoolShape& s, const T* x, T* y, std::int32_t* from) {
  for_chunks(s.planes, planes_per_task(s), [&](long first, long last) {
    for (long row = first * s.out_height(); row < last * s.out_height(); ++row) {
      const long plane = row / s.out_height(), p = row % s.out_height();
      const long start = p * s.stride * s.width;
      pool_row<kStride, kIndex>(s, x + plane * s.height * s.width + start, std::int32_t(start), y + row * s.out_width(),
                                kIndex ? from + row * s.out_width() : nullptr);
    }
  });
}

}  // namespace

template <class T>
void max_pool(Cpu, const MaxPoolShape& s, const T* x, T* y, std::int32_t* from) {
  if (s.stride == 2)
    from ? pool<2, true>(s, x, y, from) : pool<2, false>(s, x, y, from);
  else
    from ? pool<0, true>(s, x, y, from) : pool<0, false>(s, x, y, from);
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
