#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

inline double nll_loss_spec(Matrix<const double> log_p, const int* labels) {
  double sum = 0;
  for (long i = 0; i < log_p.rows; ++i) sum -= log_p.row(i)[labels[i]];
  return sum / double(log_p.rows);
}

inline void nll_loss_backward_spec(const int* labels, double dy, Matrix<double> dlog_p) {
  for (long i = 0; i < dlog_p.rows; ++i) dlog_p.row(i)[labels[i]] -= dy / double(dlog_p.rows);
}

}  // namespace heartbeat::kernels
