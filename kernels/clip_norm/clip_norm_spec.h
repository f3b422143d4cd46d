#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/clip_norm/clip_norm.h"

namespace heartbeat::kernels {

inline NormClip clip_norm_spec(const std::vector<std::vector<double>>& gradients, double max_norm) {
  double sum = 0;
  for (const auto& g : gradients)
    for (double v : g) sum += v * v;
  const double norm = std::sqrt(sum);
  return {norm, max_norm > 0 && std::isfinite(norm) ? std::min(1.0, max_norm / norm) : 1};
}

}  // namespace heartbeat::kernels
