#pragma once

#include <cmath>
#include <vector>

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void layer_norm_spec(Matrix<const double> x, const double* gain, const double* bias, double epsilon,
                            Matrix<double> y) {
  for (long i = 0; i < x.rows; ++i) {
    double mean = 0, variance = 0;
    for (long j = 0; j < x.cols; ++j) mean += x.row(i)[j] / x.cols;
    for (long j = 0; j < x.cols; ++j) variance += (x.row(i)[j] - mean) * (x.row(i)[j] - mean) / x.cols;
    for (long j = 0; j < x.cols; ++j)
      y.row(i)[j] = gain[j] * (x.row(i)[j] - mean) / std::sqrt(variance + epsilon) + bias[j];
  }
}

inline void layer_norm_silu_spec(Matrix<const double> x, const double* gain, const double* bias, double epsilon,
                                 Matrix<double> y) {
  layer_norm_spec(x, gain, bias, epsilon, y);
  for (long k = 0; k < y.numel(); ++k) y.data[k] /= 1 + std::exp(-y.data[k]);
}

// Adds the adjoint, straight from the chain rule: every output of a row depends on every input of it.
inline void layer_norm_backward_spec(bool with_silu, Matrix<const double> x, const double* gain, const double* bias,
                                     double epsilon, Matrix<const double> dy, double* dx, double* dgain,
                                     double* dbias) {
  for (long i = 0; i < x.rows; ++i) {
    const double c = double(x.cols);
    double mean = 0, variance = 0;
    for (long j = 0; j < x.cols; ++j) mean += x.row(i)[j] / c;
    for (long j = 0; j < x.cols; ++j) variance += (x.row(i)[j] - mean) * (x.row(i)[j] - mean) / c;
    const double rstd = 1 / std::sqrt(variance + epsilon);
    for (long j = 0; j < x.cols; ++j) {
      const double xhat = (x.row(i)[j] - mean) * rstd, z = gain[j] * xhat + bias[j], s = 1 / (1 + std::exp(-z));
      const double u = dy.row(i)[j] * (with_silu ? s + z * s * (1 - s) : 1);
      dgain[j] += u * xhat;
      dbias[j] += u;
      for (long k = 0; k < x.cols; ++k) {
        const double slope = (j == k) - 1 / c - xhat * (x.row(i)[k] - mean) * rstd / c;  // d xhat_j / d x_k, by rstd
        dx[i * x.cols + k] += u * gain[j] * rstd * slope;
      }
    }
  }
}

}  // namespace heartbeat::kernels
