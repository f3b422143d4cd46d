#pragma once

#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace heartbeat::kernels {

// Calls f(y index, W index, x index) for each product of the convolution; the x index is -1 outside of the image.
template <class F>
void for_products(const Conv2dShape& s, F f) {
  for (long n = 0; n < s.images; ++n)
    for (long o = 0; o < s.out; ++o)
      for (long p = 0; p < s.out_height(); ++p)
        for (long q = 0; q < s.out_width(); ++q)
          for (long c = 0; c < s.in; ++c)
            for (long i = 0; i < s.kernel_height; ++i)
              for (long j = 0; j < s.kernel_width; ++j) {
                const long u = p * s.stride + i - s.padding, v = q * s.stride + j - s.padding;
                const bool inside = u >= 0 && u < s.height && v >= 0 && v < s.width;
                f(((n * s.out + o) * s.out_height() + p) * s.out_width() + q,
                  ((o * s.in + c) * s.kernel_height + i) * s.kernel_width + j,
                  inside ? ((n * s.in + c) * s.height + u) * s.width + v : -1);
              }
}

inline void conv2d_spec(const Conv2dShape& s, const double* x, const double* W, const double* b, double* y) {
  for (long k = 0; k < s.images * s.y_size(); ++k) y[k] = b ? b[k / s.pixels() % s.out] : 0;
  for_products(s, [&](long to, long w, long from) { y[to] += W[w] * (from < 0 ? 0 : x[from]); });
}

// Adds into dx, dW and db.
inline void conv2d_gradient_spec(const Conv2dShape& s, const double* x, const double* W, const double* dy, double* dx,
                                 double* dW, double* db) {
  for_products(s, [&](long to, long w, long from) {
    if (from >= 0) dx[from] += W[w] * dy[to];
    dW[w] += dy[to] * (from < 0 ? 0 : x[from]);
  });
  for (long k = 0; k < s.images * s.y_size(); ++k) db[k / s.pixels() % s.out] += dy[k];
}

}  // namespace heartbeat::kernels
