#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline double cross_entropy_spec(Matrix<const double> x, const int* labels, Matrix<double> dx) {
  double loss = 0;
  for (long i = 0; i < x.rows; ++i) {
    double largest = -INFINITY, sum = 0;
    for (long j = 0; j < x.cols; ++j) largest = std::max(largest, x.row(i)[j]);
    for (long j = 0; j < x.cols; ++j) sum += std::exp(x.row(i)[j] - largest);
    for (long j = 0; j < x.cols; ++j)
      dx.row(i)[j] = (std::exp(x.row(i)[j] - largest) / sum - (j == labels[i])) / double(x.rows);
    loss += std::log(sum) + largest - x.row(i)[labels[i]];
  }
  return loss / double(x.rows);
}

}  // namespace heartbeat::kernels
