#pragma once

#include <cmath>

#include "kernels/max_pool/max_pool.h"

namespace heartbeat::kernels {

inline void max_pool_spec(const MaxPoolShape& s, const double* x, double* y, std::int32_t* from) {
  for (long plane = 0; plane < s.planes; ++plane, x += s.height * s.width)
    for (long p = 0; p < s.out_height(); ++p)
      for (long q = 0; q < s.out_width(); ++q) {
        long best = -1;
        for (long i = 0; i < s.size; ++i)
          for (long j = 0; j < s.size; ++j) {
            const long at = (p * s.stride + i) * s.width + q * s.stride + j;
            if (best < 0 || x[at] > x[best] || std::isnan(x[at])) best = at;
          }
        *y++ = x[best];
        *from++ = std::int32_t(best);
      }
}

// Adds into dx.
inline void max_pool_gradient_spec(const MaxPoolShape& s, const double* dy, const std::int32_t* from, double* dx) {
  for (long plane = 0; plane < s.planes; ++plane, dx += s.height * s.width)
    for (long k = 0; k < s.out_height() * s.out_width(); ++k) dx[*from++] += *dy++;
}

}  // namespace heartbeat::kernels
