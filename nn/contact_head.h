#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace heartbeat::nn {

// Pair states [pairs, C] -> logits [pairs, K]: layer norm, C -> C, SiLU, C -> K. Logits are f32 above states of bf16.
//
// frequency: how often each channel is positive among the valid pairs of the training split. The last bias starts at
// log(p / (1 - p)), which at a few positives in a hundred decides the first epoch. Empty where something else carries
// the rate, such as a table of counts that is added to the logits: the bias then starts at 0. The weight does not: a
// last layer that starts at 0 leaves the trunk without gradient at first, and learned later: 17.6 / 15.4 / 12.8 after
// 1,775 steps of size T, 21.4 / 16.7 / 14.1 after 1,409 with PyTorch's start (one run each, not paired).
struct ContactHead {
  ContactHead(int C, int K, const std::vector<double>& frequency, Init& init)
      : norm(C, init), hidden(C, C, init), out(C, K, init) {
    expect("contact_head", frequency.empty() || long(frequency.size()) == K, "there are ", K, " channels, but ",
           frequency.size(), " frequencies");
    std::vector<double> bias(K, 0.0);
    for (size_t k = 0; k < frequency.size(); ++k) {
      const double p = std::clamp(frequency[k], 1e-6, 1 - 1e-6);  // a channel never seen is rare, not impossible
      bias[k] = std::log(p / (1 - p));
    }
    out.b = Tensor::from({K}, bias, init.dtype, init.device);
    out.b.set_needs_grad(true);
  }

  Tensor operator()(const Tensor& x) const { return out.wide(silu(hidden(norm(x)))); }
  Parameters parameters() const {
    return prefixed({{"norm", norm.parameters()}, {"hidden", hidden.parameters()}, {"out", out.parameters()}});
  }

  LayerNorm norm;
  Linear hidden, out;
};

}  // namespace heartbeat::nn
