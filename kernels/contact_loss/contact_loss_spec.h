#pragma once

#include <cmath>

#include "kernels/contact_loss/contact_loss.h"

namespace heartbeat::kernels {

inline double contact_loss_spec(PairBatch batch, Matrix<const double> logits, ContactLabels labels) {
  const auto softplus = [](double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x))); };
  double loss = 0, weights = 0;
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    double sum = 0, valid = 0;
    for (long i = 0; i < map.length; ++i)
      for (long j = i; j < map.length; ++j)
        for (long k = 0; k < logits.cols; ++k) {
          const long p = map.row(i, j);
          if (!(labels.valid[p] >> k & 1)) continue;
          const double z = logits.row(p)[k];
          const bool y = labels.positive[p] >> k & 1;
          sum += labels.channel_weight[k] * separation_weight(map, i, j) *
                 (y ? labels.positive_weight[k] * softplus(-z) : softplus(z));
          valid += 1;
        }
    if (valid == 0) continue;
    loss += std::sqrt(double(map.length)) * sum / valid;
    weights += std::sqrt(double(map.length));
  }
  return weights == 0 ? 0 : loss / weights;
}

}  // namespace heartbeat::kernels
