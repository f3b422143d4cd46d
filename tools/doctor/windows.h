// Medians and trends over the last values, kept as they come.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace heartbeat {

inline double median_of(std::vector<double> values) {
  if (values.empty()) return NAN;
  const std::size_t half = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + long(half), values.end());
  const double high = values[half];
  if (values.size() % 2) return high;
  return (high + *std::max_element(values.begin(), values.begin() + long(half))) / 2;
}

inline double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return values.empty() ? NAN : sum / double(values.size());
}

// The last `size` values, in the order of a ring.
class Window {
 public:
  explicit Window(std::size_t size) : size_(size) {}
  void push(double value) {
    if (values_.size() < size_)
      values_.push_back(value);
    else
      values_[next_] = value;
    next_ = (next_ + 1) % size_;
  }
  bool full() const { return values_.size() == size_; }
  const std::vector<double>& values() const { return values_; }
  std::vector<double> in_order() const {  // oldest first
    std::vector<double> ordered(values_);
    if (full()) std::rotate(ordered.begin(), ordered.begin() + long(next_), ordered.end());
    return ordered;
  }
  void clear() { values_.clear(), next_ = 0; }

 private:
  std::size_t size_, next_ = 0;
  std::vector<double> values_;
};

// Theil-Sen: the median slope between all pairs of values one apart in x. NaN of fewer than two.
inline double robust_slope(const std::vector<double>& values) {
  std::vector<double> slopes;
  for (std::size_t a = 0; a < values.size(); ++a)
    for (std::size_t b = a + 1; b < values.size(); ++b) slopes.push_back((values[b] - values[a]) / double(b - a));
  return median_of(std::move(slopes));
}

}  // namespace heartbeat
