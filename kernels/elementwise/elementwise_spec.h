#pragma once

#include <cmath>

#include "kernels/common/base.h"
#include "kernels/common/philox.h"

namespace heartbeat::kernels {

inline double relu_spec(double x) {
  return x < 0 ? 0 : x;
}
inline double relu_slope_spec(double x) {
  return x > 0 ? 1 : 0;
}

inline double sigmoid_spec(double x) {
  return 1 / (1 + std::exp(-x));
}
inline double sigmoid_slope_spec(double x) {
  return sigmoid_spec(x) * (1 - sigmoid_spec(x));
}

inline double silu_spec(double x) {
  return x * sigmoid_spec(x);
}
inline double silu_slope_spec(double x) {
  return sigmoid_spec(x) + x * sigmoid_slope_spec(x);
}

inline double tanh_spec(double x) {
  return std::tanh(x);
}
inline double tanh_slope_spec(double x) {
  return 1 - std::tanh(x) * std::tanh(x);
}

inline double dropout_spec(RandomStream stream, double p, long element, double x) {
  return stream[element] < std::floor(p * 0x1p32) ? 0 : x / (1 - p);
}

inline void column_sum_spec(Matrix<const double> x, double* y) {
  for (long j = 0; j < x.cols; ++j) {
    y[j] = 0;
    for (long i = 0; i < x.rows; ++i) y[j] += x.row(i)[j];
  }
}

}  // namespace heartbeat::kernels
