#pragma once

#include <cmath>

#include "kernels/adamw/adamw.h"

namespace heartbeat::kernels {

inline void adamw_spec(double& value, double& m, double& v, double gradient, double weight_decay, double clip_factor,
                       long t, const AdamwRule& rule) {
  double g = clip_factor * gradient;
  if (rule.decoupled)
    value -= rule.lr * weight_decay * value;
  else
    g += weight_decay * value;
  m = rule.beta1 * m + (1 - rule.beta1) * g;
  v = rule.beta2 * v + (1 - rule.beta2) * g * g;
  const double m_hat = m / (1 - std::pow(rule.beta1, t)), v_hat = v / (1 - std::pow(rule.beta2, t));
  value -= rule.lr * m_hat / (std::sqrt(v_hat) + rule.epsilon);
}

}  // namespace heartbeat::kernels
