// Distance of a fast version from the spec: normalised mean squared error, error energy over signal energy.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/common/base.h"

namespace heartbeat::testing {

// One bound per dtype. f32 sums of up to a few thousand products round to about 1e-13; f64 stands for "the same sums in
// another order".
inline double parity_bound(Dtype dtype) {
  return dtype == Dtype::f32 ? 1e-10 : 1e-24;
}

// NaN in one and not in the other, or unequal infinities, count as an infinite distance.
template <class T>
double nmse(const T* got, const double* want, long n) {
  double error = 0, signal = 0;
  for (long k = 0; k < n; ++k) {
    const double g = double(got[k]), w = want[k];
    if (std::isnan(w) || std::isinf(w)) {
      if (std::isnan(w) ? !std::isnan(g) : g != w) return INFINITY;
      continue;
    }
    if (!std::isfinite(g)) return INFINITY;
    error += (g - w) * (g - w);
    signal += w * w;
  }
  return error == 0 ? 0 : signal == 0 ? INFINITY : error / signal;
}

}  // namespace heartbeat::testing
