#pragma once

#include "kernels/segment_reduce/segment_reduce.h"

namespace heartbeat::kernels {

inline void segment_reduce_spec(Reduce how, const int* offsets, Matrix<const double> x, Matrix<double> y) {
  for (long s = 0; s < y.rows; ++s)
    for (long j = 0; j < y.cols; ++j) {
      double sum = 0;
      for (int i = offsets[s]; i < offsets[s + 1]; ++i) sum += x.row(i)[j];
      const int count = offsets[s + 1] - offsets[s];
      y.row(s)[j] = how == Reduce::mean && count > 0 ? sum / count : sum;
    }
}

}  // namespace heartbeat::kernels
