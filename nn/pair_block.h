#pragma once

#include "nn/layer_norm.h"
#include "nn/mode.h"
#include "nn/pair_conv.h"

namespace heartbeat::nn {

struct PairBlockOptions {
  int channels = 64, dilation = 1;
  Tie tie = Tie::none;
  double dropout = 0.1;
  std::uint32_t layer = 0;   // tells the dropout masks of a model's blocks apart
  double residual_gain = 1;  // of the second convolution's first weights, see below
};

// Pre-activation residual block of the pair trunk: x + conv2(dropout(silu(norm2(conv1(silu(norm1(x))))))), [pairs, C].
//
// With gain 1 both convolutions start as PyTorch's do. A branch then adds about 0.12 to the variance of x, since its
// input has E[silu^2] = 0.36 and its weights have variance 1 / (3 fan_in): 32 blocks end at about four times that of a
// unit, which the next norm takes out again. So deep stacks need no smaller start, and gain 0 would leave everything
// but conv2 without a gradient in the first step, which a monitor cannot tell from a dead layer.
struct PairBlock {
  PairBlock(const PairBlockOptions& o, Init& init)
      : dropout_rate(o.dropout),
        layer(o.layer),
        norm1(o.channels, init),
        conv1(o.channels, o.channels, o.dilation, o.tie, init),
        norm2(o.channels, init),
        conv2(o.channels, o.channels, o.dilation, o.tie, init, o.residual_gain) {}

  Tensor operator()(const Layout& layout, const Tensor& x, const Mode& mode) const {
    Tensor h = norm2.silu(conv1(layout, norm1.silu(x)));
    if (mode.training && dropout_rate > 0)
      h = dropout(h, dropout_rate, {mode.seed, mode.step, layer, mode.device_step}, layout);
    return add(x, conv2(layout, h));
  }
  Parameters parameters() const {
    return prefixed({{"norm1", norm1.parameters()},
                     {"conv1", conv1.parameters()},
                     {"norm2", norm2.parameters()},
                     {"conv2", conv2.parameters()}});
  }

  double dropout_rate;
  std::uint32_t layer;
  LayerNorm norm1;
  PairConv conv1;
  LayerNorm norm2;
  PairConv conv2;
};

}  // namespace heartbeat::nn
