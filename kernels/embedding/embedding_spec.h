#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void embedding_spec(const int* ids, Matrix<const double> W, Matrix<double> y) {
  for (long i = 0; i < y.rows; ++i)
    for (long j = 0; j < y.cols; ++j) y.row(i)[j] = W.row(ids[i])[j];
}

inline void embedding_adjoint_spec(const int* ids, Matrix<const double> dy, Matrix<double> dW) {
  for (long i = 0; i < dy.rows; ++i)
    for (long j = 0; j < dy.cols; ++j) dW.row(ids[i])[j] += dy.row(i)[j];
}

}  // namespace heartbeat::kernels
