#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline void spmm_spec(Csr a, Matrix<const double> x, Matrix<double> y) {
  for (long i = 0; i < a.rows; ++i)
    for (long j = 0; j < x.cols; ++j) {
      double sum = 0;
      for (int e = a.row_ptr[i]; e < a.row_ptr[i + 1]; ++e) sum += a.values[e] * x.row(a.col_idx[e])[j];
      y.row(i)[j] = sum;
    }
}

}  // namespace heartbeat::kernels
