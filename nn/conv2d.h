#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// A bank of filters over images, x [N, in, H, W] -> [N, out, H', W'], with W [out, in, size, size] and b [out]. W and b
// start uniform in +-1/sqrt(in size size), as PyTorch's do (kaiming_uniform with a = sqrt(5)).
struct Conv2d {
  Conv2d(int in, int out, int size, Init& init, int stride = 1, int padding = 0)
      : stride(stride),
        padding(padding),
        W(init.uniform({out, in, size, size}, 1 / std::sqrt(double(in) * size * size))),
        b(init.uniform({out}, 1 / std::sqrt(double(in) * size * size))) {}

  Tensor operator()(const Tensor& x) const { return conv2d(x, W, b, stride, padding); }
  Parameters parameters() const { return {{"weight", W}, {"bias", b}}; }

  int stride, padding;
  Tensor W, b;
};

}  // namespace heartbeat::nn
