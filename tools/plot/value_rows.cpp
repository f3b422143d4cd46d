#include "tools/plot/value_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/histogram/histogram.h"

namespace heartbeat {

ValueRows::ValueRows(const TensorStats& total) {
  const auto& bins = total.bins;
  const auto size = [&](int k) { return double(bins[kZeroBin + 1 + k] + bins[kZeroBin - 1 - k]); };
  double all = 0, below = 0;
  int first = 0;
  for (int k = 0; k < kZeroBin; ++k) all += size(k);
  while (first < kZeroBin - 1 && below + size(first) <= 0.015 * all) below += size(first++);
  if (all == 0) first = kZeroBin;
  const auto outermost = [&](int sign) {
    for (int k = kZeroBin - 1; k >= first; --k)
      if (bins[kZeroBin + sign * (1 + k)]) return k;
    return first - 1;
  };
  for (int k = outermost(1); k >= first; --k) rows_.push_back({kZeroBin + 1 + k, kZeroBin + 1 + k});
  zero_ = int(rows_.size());
  rows_.push_back({kZeroBin - first, kZeroBin + first});
  for (int k = first; k <= outermost(-1); ++k) rows_.push_back({kZeroBin - 1 - k, kZeroBin - 1 - k});
}

double ValueRows::count(const TensorStats& stats, int row) const {
  double sum = 0;
  for (int i = rows_[row].first; i <= rows_[row].last; ++i) sum += double(stats.bins[i]);
  return sum;
}

double ValueRows::low(int row) const {
  return bin_low_edge(rows_[row].first);
}
double ValueRows::high(int row) const {
  return bin_high_edge(rows_[row].last);
}

std::optional<double> ValueRows::position(double value) const {
  for (int r = 0; r < size(); ++r)
    if (value >= low(r) && value <= high(r)) {
      const double width = high(r) - low(r);
      return r + (width > 0 && std::isfinite(width) ? (high(r) - value) / width : 0.5);
    }
  return {};
}

std::vector<double> ValueRows::ticks(double room) const {
  std::vector<double> values = {0};
  const double zero = *position(0);
  for (int sign : {1, -1}) {
    std::optional<double> last;
    for (int e = 7; e >= -12; --e) {
      const double value = sign * std::pow(10.0, e);
      const auto at = position(value);
      if (!at || std::abs(*at - zero) < room || (last && std::abs(*at - *last) < room)) continue;
      values.push_back(value);
      last = at;
    }
  }
  return values;
}

std::optional<std::array<double, 7>> percentiles(const TensorStats& stats) {
  const double all = double(stats.finite());
  if (all == 0) return {};
  std::array<double, 7> values;
  double below = 0;
  int i = 0;
  for (std::size_t p = 0; p < kPercentiles.size(); ++p) {
    const double wanted = kPercentiles[p] * all;
    while (i < kNanBin - 1 && below + double(stats.bins[i]) < wanted) below += double(stats.bins[i++]);
    const double low = bin_low_edge(i), high = bin_high_edge(i), n = double(stats.bins[i]);
    if (!std::isfinite(low) || !std::isfinite(high))
      values[p] = std::isfinite(low) ? low : high;
    else
      values[p] = n > 0 ? low + (high - low) * std::max(0.0, wanted - below) / n : low;
  }
  return values;
}

}  // namespace heartbeat
