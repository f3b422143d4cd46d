#pragma once

#include "kernels/sgd/sgd.h"

namespace heartbeat::kernels {

inline void sgd_spec(double& value, double& b, double gradient, double weight_decay, double clip_factor,
                     const SgdRule& rule) {
  const double g = clip_factor * gradient + weight_decay * value;
  b = rule.momentum * b + g;
  value -= rule.lr * (rule.nesterov ? g + rule.momentum * b : b);
}

}  // namespace heartbeat::kernels
