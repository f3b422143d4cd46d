#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void log_softmax_spec(Matrix<const double> x, Matrix<double> y) {
  for (long i = 0; i < x.rows; ++i) {
    double largest = -INFINITY, sum = 0;
    for (long j = 0; j < x.cols; ++j) largest = std::max(largest, x.row(i)[j]);
    for (long j = 0; j < x.cols; ++j) sum += std::exp(x.row(i)[j] - largest);
    for (long j = 0; j < x.cols; ++j) y.row(i)[j] = x.row(i)[j] - largest - std::log(sum);
  }
}

inline void log_softmax_backward_spec(Matrix<const double> y, Matrix<const double> dy, Matrix<double> dx) {
  for (long i = 0; i < y.rows; ++i) {
    double sum = 0;
    for (long j = 0; j < y.cols; ++j) sum += dy.row(i)[j];
    for (long j = 0; j < y.cols; ++j) dx.row(i)[j] += dy.row(i)[j] - std::exp(y.row(i)[j]) * sum;
  }
}

}  // namespace heartbeat::kernels
