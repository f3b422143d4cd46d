#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// Dilated 3x3 convolution of packed pairs [pairs, in] -> [pairs, out]. W is PyTorch's [out, in, 3, 3], or [out, in, 6]
// where it is tied (W_ab = W_ba). W and b start uniform in +-gain/sqrt(9 in); with gain 1 that is PyTorch's Conv2d.
struct PairConv {
  PairConv(int in, int out, int dilation, Tie tie, Init& init, double gain = 1)
      : dilation(dilation),
        tie(tie),
        W(init.uniform(tie == Tie::none ? Shape{out, in, 3, 3} : Shape{out, in, 6}, gain / std::sqrt(9 * in))),
        b(init.uniform({out}, gain / std::sqrt(9 * in))) {}

  Tensor operator()(const Layout& layout, const Tensor& x) const { return pair_conv(layout, x, W, b, dilation, tie); }
  Parameters parameters() const { return {{"weight", W}, {"bias", b}}; }

  int dilation;
  Tie tie;
  Tensor W, b;
};

}  // namespace heartbeat::nn
