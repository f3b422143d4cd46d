// Distance of a fast version from the spec: normalised mean squared error, error energy over signal energy.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/common/base.h"

namespace heartbeat::testing {

// One bound per dtype of a result. f32 sums of up to a few thousand products round to about 1e-13; f64 stands for "the
// same sums in another order".
//
// bf16 keeps 8 bits: rounding to the nearest moves a number by at most u = 2^-9 of itself. Spec and kernel read the
// same rounded inputs and the kernel sums in f32, so a result that was stored once is off by at most u of itself, and
// the energy of the error is at most u^2 of the signal's, 3.8e-6; f32's own 1e-10 comes on top, amplitude by amplitude.
// `stores`: how often on its way, as where a gradient was added to. What is f32 beside bf16 (gradients of parameters,
// statistics, logits) has the bound of f32.
inline double parity_bound(Dtype dtype, int stores = 1) {
  const double off = stores * 0x1p-8 + 1e-5;
  return dtype == Dtype::f32 ? 1e-10 : dtype == Dtype::f64 ? 1e-24 : off * off;
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
