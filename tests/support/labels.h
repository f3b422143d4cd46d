// Random class labels for tests and benchmarks of losses.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "autograd/ops.h"

namespace heartbeat::testing {

inline Ids random_labels(long n, long classes, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::vector<int> labels(n);
  for (int& label : labels) label = int(engine() % classes);
  return std::make_shared<const std::vector<int>>(std::move(labels));
}

inline Ids these_labels(std::vector<int> labels) {
  return std::make_shared<const std::vector<int>>(std::move(labels));
}

}  // namespace heartbeat::testing
