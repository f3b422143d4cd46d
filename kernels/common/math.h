// exp and what follows from it, in f32 without branches or table look-ups, so that loops over them vectorise. exp and
// tanh are within 2 units in the last place of the true value, sigmoid and silu, which round twice more, within 3. NaN
// stays NaN. f64 goes to the C library.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/common/base.h"

namespace heartbeat::math {

// x = n log 2 + r with |r| <= log(2) / 2; exp(x) = 2^n exp(r), exp(r) by the polynomial of Cephes' expf (Moshier 1992).
HOST_DEVICE inline float exp(float x) {
  constexpr float kLargest = 89, kSmallest = -104;  // beyond: Inf, 0. Comparisons let NaN through.
  x = x > kLargest ? kLargest : x;
  x = x < kSmallest ? kSmallest : x;
  constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  const float shifted = x * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // log 2 in two parts, the first of 9 bits
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1;
  // 2^n in two factors: n reaches 128 and -150, where one factor would be no float.
  const std::int32_t exponent = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const std::int32_t half = exponent >> 1;
  const float first = std::bit_cast<float>((half + 127) << 23);
  const float second = std::bit_cast<float>((exponent - half + 127) << 23);
  return p * first * second;
}
HOST_DEVICE inline double exp(double x) {
  return std::exp(x);
}

// 1 / (1 + exp(-x)), from exp(-|x|), which never overflows.
template <class T>
HOST_DEVICE inline T sigmoid(T x) {
  const T e = exp(-std::abs(x));
  return (x < 0 ? e : T(1)) / (1 + e);
}

// x sigmoid(x). Below -87, where the sigmoid is denormal, within 1e-42. silu(-Inf) is -Inf * 0, NaN, as in PyTorch.
template <class T>
HOST_DEVICE inline T silu(T x) {
  return x * sigmoid(x);
}

template <class T>
HOST_DEVICE inline T silu_slope(T x) {
  const T s = sigmoid(x);
  return s + x * s * (1 - s);
}

// Near 0 a polynomial (Cephes' tanhf), elsewhere 1 - 2 / (exp(2 |x|) + 1).
HOST_DEVICE inline float tanh(float x) {
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float size = std::abs(x);
  const float near = p * z * size + size;
  const float far = 1 - 2 / (exp(2 * size) + 1);
  return std::copysign(size < 0.625f ? near : far, x);
}
HOST_DEVICE inline double tanh(double x) {
  return std::tanh(x);
}

}  // namespace heartbeat::math
