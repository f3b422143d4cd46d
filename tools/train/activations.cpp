#include "tools/train/activations.h"

#include <cmath>

namespace heartbeat {

void ActivationRecord::left(const std::string& name, const Tensor& x) {
  if (x.device() != Device::cpu || x.dtype() != Dtype::f32 || x.shape().size() < 2) return;
  // A unit is a column of a matrix, and a channel of images [n, channels, ...].
  const long units = x.dim(1), inside = x.numel() / std::max(1L, x.dim(0) * units);
  std::vector<char> active(units, 0);
  Layer layer{name};
  double sum = 0, squares = 0;
  bool negative = false;
  const float* v = x.data<float>();
  for (long e = 0; e < x.numel(); ++e) {
    if (!std::isfinite(v[e])) {
      ++layer.not_finite;
      continue;
    }
    sum += v[e], squares += double(v[e]) * v[e];
    negative = negative || v[e] < 0;
    if (v[e] != 0) active[e / inside % units] = 1;
  }
  if (const double n = double(x.numel() - layer.not_finite); n > 0)
    layer.deviation = std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
  if (!negative && units > 0) {
    long dead = 0;
    for (const char a : active) dead += !a;
    layer.dead = double(dead) / double(units);
  }
  layers_.push_back(std::move(layer));
}

void ActivationRecord::log(RunLog& log, long step) const {
  for (const Layer& layer : layers_) {
    log.scalar(step, "activations/std/" + layer.name, layer.deviation);
    if (layer.dead >= 0) log.scalar(step, "activations/dead/" + layer.name, layer.dead);
  }
  log_first_not_finite(log, step);
}

void ActivationRecord::log_first_not_finite(RunLog& log, long step) const {
  for (const Layer& layer : layers_)
    if (layer.not_finite) return log.scalar(step, "activations/not_finite/" + layer.name, double(layer.not_finite));
}

}  // namespace heartbeat
