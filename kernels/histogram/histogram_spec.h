#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/common/statistics.h"

namespace heartbeat::kernels {

// The bin by comparison with the edges, which knows nothing of bit patterns.
inline int bin_of_spec(double x) {
  if (std::isnan(x)) return 261;
  if (std::isinf(x)) return x > 0 ? 262 : 263;
  if (x == 0) return 130;
  static const auto edges = [] {
    std::array<double, 129> edges;
    for (int k = 0; k < 129; ++k) edges[k] = std::ldexp(k % 2 ? 1.5 : 1.0, k / 2 - 40);
    return edges;
  }();
  // 0 below 2^-40, 1..128 regular, 129 from 2^24
  const int r = int(std::upper_bound(edges.begin(), edges.end(), std::abs(x)) - edges.begin());
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
