// Values that a histogram must not trip over, and statistics of plain vectors.
#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/histogram/histogram.h"

namespace heartbeat::testing {

// Magnitudes over the whole range of bins and beyond, both signs, some exact zeros.
template <class T>
std::vector<T> log_spread(long n, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> octave(-50, 30);
  std::vector<T> x(n);
  for (T& v : x) v = engine() % 16 == 0 ? T(0) : T((engine() % 2 ? 1 : -1) * std::exp2(octave(engine)));
  return x;
}

template <class T>
std::vector<T> normal(long n, double scale, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> distribution(0, scale);
  std::vector<T> x(n);
  for (T& v : x) v = T(distribution(engine));
  return x;
}

template <class T>
TensorStats stats_of(const std::vector<T>& x) {
  TensorStats stats;
  kernels::histogram<T>(Cpu{}, x.data(), long(x.size()), stats);
  return stats;
}

// Rounds to T here and now: keeps the compiler of a reference loop from fusing a product into the next sum.
template <class T>
T rounded(T x) {
  volatile T kept = x;
  return kept;
}

}  // namespace heartbeat::testing
