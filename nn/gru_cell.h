#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// The new state of h [n, d] after the message m [n, in]; equations in kernels/gru_cell/gru_cell.h. All parameters start
// uniform in +-1/sqrt(d), as PyTorch's do.
struct GruCell {
  GruCell(int in, int d, Init& init)
      : W_ih(init.uniform({3 * d, in}, 1 / std::sqrt(d))),
        W_hh(init.uniform({3 * d, d}, 1 / std::sqrt(d))),
        b_ih(init.uniform({3 * d}, 1 / std::sqrt(d))),
        b_hh(init.uniform({3 * d}, 1 / std::sqrt(d))) {}

  // gates: see gru_cell
  Tensor operator()(const Tensor& m, const Tensor& h, Tensor* gates = nullptr) const {
    return gru_cell(m, h, W_ih, W_hh, b_ih, b_hh, gates);
  }
  Parameters parameters() const {
    return {{"weight_ih", W_ih}, {"weight_hh", W_hh}, {"bias_ih", b_ih}, {"bias_hh", b_hh}};
  }

  Tensor W_ih, W_hh, b_ih, b_hh;
};

}  // namespace heartbeat::nn
