#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/common/statistics.h"

namespace heartbeat::kernels {

// The bin by comparison with the edges, which knows nothing of bit patterns.
inline int bin_of_spec(double x) {
  if (std::isnan(x)) return 261;
  if (std::isinf(x)) return x > 0 ? 262 : 263;
  if (x == 0) return 130;
  const double a = std::abs(x);
  int r = 0;  // 0 below 2^-40, 1..128 regular, 129 from 2^24
  while (r < 129 && a >= std::ldexp(r % 2 ? 1.5 : 1.0, r / 2 - 40)) ++r;
  return x < 0 ? 129 - r : 131 + r;
}

template <class T>
TensorStats histogram_spec(const T* x, long n) {
  TensorStats stats;
  bool any = false;
  for (long i = 0; i < n; ++i) {
    const double v = x[i];
    ++stats.bins[bin_of_spec(v)];
    if (!std::isfinite(v)) continue;
    stats.min = any ? std::min(stats.min, v) : v;
    stats.max = any ? std::max(stats.max, v) : v;
    stats.sum += v;
    stats.sum_of_squares += v * v;
    stats.abs_sum += std::abs(v);
    any = true;
  }
  return stats;
}

}  // namespace heartbeat::kernels
