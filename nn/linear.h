#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// y = x W^T + b, with x [n, in], W [out, in] and y [n, out]. W and b start uniform in +-1/sqrt(in), as PyTorch's do.
struct Linear {
  Linear(int in, int out, Init& init)
      : W(init.uniform({out, in}, 1 / std::sqrt(in))), b(init.uniform({out}, 1 / std::sqrt(in))) {}

  Tensor operator()(const Tensor& x) const { return add_bias(matmul_transposed(x, W), b); }
  // y in the dtype of W where x is stored as bf16.
  Tensor wide(const Tensor& x) const { return add_bias(matmul_transposed_wide(x, W), b); }
  Parameters parameters() const { return {{"weight", W}, {"bias", b}}; }

  Tensor W, b;
};

}  // namespace heartbeat::nn
