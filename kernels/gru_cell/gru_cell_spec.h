#pragma once

#include <cmath>

#include "kernels/gru_cell/gru_cell.h"

namespace heartbeat::kernels {

inline void gru_cell_spec(const GruWeights<const double>& W, Matrix<const double> m, Matrix<const double> h,
                          Matrix<double> y) {
  const long d = h.cols;
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (long i = 0; i < h.rows; ++i)
    for (long j = 0; j < d; ++j) {
      const auto from_message = [&](long gate) {
        double sum = W.b_ih.data[gate * d + j];
        for (long c = 0; c < m.cols; ++c) sum += W.W_ih.row(gate * d + j)[c] * m.row(i)[c];
        return sum;
      };
      const auto from_state = [&](long gate) {
        double sum = W.b_hh.data[gate * d + j];
        for (long c = 0; c < d; ++c) sum += W.W_hh.row(gate * d + j)[c] * h.row(i)[c];
        return sum;
      };
      const double r = sigmoid(from_message(0) + from_state(0));
      const double z = sigmoid(from_message(1) + from_state(1));
      const double n = std::tanh(from_message(2) + r * from_state(2));
      y.row(i)[j] = (1 - z) * n + z * h.row(i)[j];
    }
}

}  // namespace heartbeat::kernels
