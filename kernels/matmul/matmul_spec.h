#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void matmul_spec(Matrix<const double> a, Matrix<const double> b, Matrix<double> y) {
  for (long i = 0; i < y.rows; ++i)
    for (long j = 0; j < y.cols; ++j) {
      double sum = 0;
      for (long k = 0; k < a.cols; ++k) sum += a.row(i)[k] * b.row(k)[j];
      y.row(i)[j] = sum;
    }
}

inline void matmul_transposed_spec(Matrix<const double> a, Matrix<const double> b, Matrix<double> y) {
  for (long i = 0; i < y.rows; ++i)
    for (long j = 0; j < y.cols; ++j) {
      double sum = 0;
      for (long k = 0; k < a.cols; ++k) sum += a.row(i)[k] * b.row(j)[k];
      y.row(i)[j] = sum;
    }
}

inline void outer_sum_spec(Matrix<const double> a, Matrix<const double> b, Matrix<double> y) {
  for (long k = 0; k < y.rows; ++k)
    for (long j = 0; j < y.cols; ++j) {
      double sum = 0;
      for (long i = 0; i < a.rows; ++i) sum += a.row(i)[k] * b.row(i)[j];
      y.row(k)[j] = sum;
    }
}

}  // namespace heartbeat::kernels
