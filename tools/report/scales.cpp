#include "tools/report/scales.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/histogram/histogram.h"

namespace heartbeat {

double median_magnitude(const TensorStats& stats) {
  const double half = double(stats.finite()) / 2;
  if (half == 0) return NAN;
  double below = double(stats.bins[kZeroBin]);
  if (below >= half) return 0;
  for (int index = kZeroBin + 1; index <= kOverBin; ++index) {
    const double count = double(stats.bins[index] + stats.bins[2 * kZeroBin - index]);
    if (below + count >= half) {
      const double low = bin_low_edge(index), high = bin_high_edge(index);
      return std::isinf(high) ? low : low + (high - low) * (half - below) / count;
    }
    below += count;
  }
  return NAN;
}

std::array<std::int64_t, kBins> subtract(const TensorStats& b, const TensorStats& a) {
  std::array<std::int64_t, kBins> difference;
  for (int k = 0; k < kBins; ++k) difference[k] = std::int64_t(b.bins[k]) - std::int64_t(a.bins[k]);
  return difference;
}

double share_elsewhere(const TensorStats& a, const TensorStats& b) {
  std::int64_t moved = 0;
  for (const std::int64_t d : subtract(b, a)) moved += std::abs(d);
  const std::uint64_t all = a.count() + b.count();
  return all ? double(moved) / double(all) : 0;
}

std::optional<double> scale_of_module(const std::map<std::string, TensorStats>& tensors, const std::string& module) {
  std::map<std::string, TensorStats> modules;
  for (const auto& [name, stats] : tensors) {
    const std::size_t dot = name.rfind('.');
    merge(modules[dot == std::string::npos ? name : name.substr(0, dot)], stats);
  }
  std::vector<double> others;
  for (const auto& [name, stats] : modules)
    if (const double m = median_magnitude(stats); name != module && !std::isnan(m)) others.push_back(m);
  const auto own = modules.find(module);
  if (own == modules.end() || others.empty()) return {};
  std::sort(others.begin(), others.end());
  const std::size_t n = others.size();
  const double other = (others[(n - 1) / 2] + others[n / 2]) / 2, magnitude = median_magnitude(own->second);
  if (std::isnan(magnitude) || other == 0) return {};
  return magnitude / other;
}

}  // namespace heartbeat
