#pragma once

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// Each row of x [n, c] shifted and scaled to mean 0 and variance 1, then gain * x + bias; gain starts at 1, bias at 0.
struct LayerNorm {
  LayerNorm(int c, const Init& init) : gain(init.ones({c})), bias(init.zeros({c})) {}

  Tensor operator()(const Tensor& x) const { return layer_norm(x, gain, bias); }
  Tensor silu(const Tensor& x) const { return layer_norm_silu(x, gain, bias); }  // in one pass
  Parameters parameters() const { return {{"weight", gain}, {"bias", bias}}; }

  Tensor gain, bias;
};

}  // namespace heartbeat::nn
