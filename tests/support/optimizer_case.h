// Tensors for one optimizer step.
#pragma once

#include "kernels/common/optimizer_step.h"
#include "tests/support/statistics.h"

namespace heartbeat::testing {

// Empty tensors first, last, in between and alone; borders of vectors, blocks (512) and chunks (16384).
inline std::vector<std::vector<long>> tensor_sets() {
  return {{}, {0}, {1}, {0, 0, 3, 0}, {31, 0, 32, 33, 511, 512, 513, 0}, {16384, 5, 16385, 0}, {100003, 1, 40000}};
}

// Each tensor begins `offset` elements into its storage, which is one cache line of alignment lost for odd offsets.
template <class T>
struct OptimizerCase {
  explicit OptimizerCase(std::vector<long> sizes_, long offset_ = 0) : sizes(std::move(sizes_)), offset(offset_) {
    for (size_t t = 0; t < sizes.size(); ++t) {
      const unsigned seed = unsigned(4 * t);
      value.push_back(normal<T>(sizes[t] + offset, 1, seed));
      gradient.push_back(normal<T>(sizes[t] + offset, 0.1, seed + 1));
      first.push_back(normal<T>(sizes[t] + offset, 0.05, seed + 2));
      second.push_back(normal<T>(sizes[t] + offset, 0.01, seed + 3));
      for (T& v : second.back()) v = std::abs(v);
    }
  }

  std::vector<T> part(const std::vector<std::vector<T>>& tensors, size_t t) const {
    return {tensors[t].begin() + offset, tensors[t].end()};
  }

  std::vector<long> sizes;
  long offset;
  std::vector<std::vector<T>> value, gradient, first, second;  // state: momentum and none, or m and v
};

struct WatchedStats {
  explicit WatchedStats(size_t tensors) : parameter(tensors), gradient(tensors), update(tensors), clipped(tensors) {}
  Watch all() { return {parameter, gradient, update, clipped}; }
  bool operator==(const WatchedStats&) const = default;
  std::vector<TensorStats> parameter, gradient, update, clipped;
};

}  // namespace heartbeat::testing
