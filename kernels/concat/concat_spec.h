#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void concat_spec(Matrix<const double> a, Matrix<const double> b, Matrix<double> y) {
  for (long i = 0; i < y.rows; ++i)
    for (long j = 0; j < y.cols; ++j) y.row(i)[j] = j < a.cols ? a.row(i)[j] : b.row(i)[j - a.cols];
}

inline void columns_accumulate_spec(Matrix<const double> y, long first, Matrix<double> x) {
  for (long i = 0; i < x.rows; ++i)
    for (long j = 0; j < x.cols; ++j) x.row(i)[j] += y.row(i)[first + j];
}

}  // namespace heartbeat::kernels
