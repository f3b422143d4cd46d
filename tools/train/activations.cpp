#include "tools/train/activations.h"

#include <cmath>

#include "autograd/ops.h"

namespace heartbeat {

void ActivationRecord::left(const std::string& name, const Tensor& seen) {
  if (seen.device() != Device::cpu || seen.dtype() == Dtype::f64 || seen.shape().size() < 2) return;
  const Tensor x = cast(seen.detach(), Dtype::f32);
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

void ActivationRecord::note(const char* kind, const std::string& layer, double value) {
  const int times = ++met_[{kind, layer}];
  scalars_.emplace_back(
      "activations/" + std::string(kind) + "/" + layer + (times > 1 ? "." + std::to_string(times) : ""), value);
}

void ActivationRecord::squashed(const std::string& layer, const Tensor& seen, nn::Squash by) {
  if (seen.device() != Device::cpu || seen.dtype() == Dtype::f64 || seen.numel() == 0) return;
  const Tensor y = cast(seen.detach(), Dtype::f32);
  // A sigmoid in -1 .. 1, as tanh: what is beyond 0.9 either way hardly moves.
  const float times = by == nn::Squash::sigmoid ? 2 : 1, plus = by == nn::Squash::sigmoid ? -1 : 0;
  long saturated = 0;
  for (long e = 0; e < y.numel(); ++e) saturated += std::abs(times * y.data<float>()[e] + plus) > 0.9f;
  note("saturated", layer, double(saturated) / double(y.numel()));
}

// The mean over all pairs of nodes of one graph is (|sum of unit vectors|^2 - n) / (n (n - 1)).
void ActivationRecord::nodes(const std::string& layer, const Tensor& seen, const Layout& layout) {
  if (seen.device() != Device::cpu || seen.dtype() == Dtype::f64) return;
  const Tensor x = cast(seen.detach(), Dtype::f32);
  double sum = 0;
  long graphs = 0;
  for (long m = 0; m < layout->size(); ++m) {
    const PairMap& map = layout->map(m);
    if (map.length < 2) continue;
    std::vector<double> total(x.cols(), 0);
    for (long i = 0; i < map.length; ++i) {
      const float* row = x.data<float>() + (map.first_residue + i) * x.cols();
      double squares = 0;
      for (long c = 0; c < x.cols(); ++c) squares += double(row[c]) * row[c];
      if (!(squares > 0)) continue;
      for (long c = 0; c < x.cols(); ++c) total[c] += row[c] / std::sqrt(squares);
    }
    double squares = 0;
    for (const double t : total) squares += t * t;
    const double n = double(map.length);
    sum += (squares - n) / (n * (n - 1));
    ++graphs;
  }
  if (graphs) note("cosine", layer, sum / double(graphs));
}

void ActivationRecord::log(RunLog& log, long step) const {
  for (const Layer& layer : layers_) {
    log.scalar(step, "activations/std/" + layer.name, layer.deviation);
    if (layer.dead >= 0) log.scalar(step, "activations/dead/" + layer.name, layer.dead);
  }
  for (const auto& [name, value] : scalars_) log.scalar(step, name, value);
  log_first_not_finite(log, step);
}

void ActivationRecord::log_first_not_finite(RunLog& log, long step) const {
  for (const Layer& layer : layers_)
    if (layer.not_finite) return log.scalar(step, "activations/not_finite/" + layer.name, double(layer.not_finite));
}

}  // namespace heartbeat
