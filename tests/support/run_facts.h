// Facts about a finished run, from its log.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "kernels/histogram/histogram.h"
#include "tools/log/run_reader.h"
#include "tools/report/scales.h"

namespace heartbeat::testing {

inline std::vector<double> values(const RunReader& log, const std::string& name) {
  std::vector<double> found;
  for (const ScalarRow& s : log.scalars())
    if (s.name == name) found.push_back(s.value);
  return found;
}

inline double mean_of_last(const std::vector<double>& values, long n) {
  double sum = 0;
  for (long k = long(values.size()) - n; k < long(values.size()); ++k) sum += values[k] / double(n);
  return sum;
}

inline std::string note(const RunReader& log, const std::string& key) {
  for (const NoteRow& n : log.notes())
    if (n.key == key) return n.value;
  return "";
}

// Each tensor's statistics over all steps of a range, by name.
inline std::map<std::string, TensorStats> watched(const RunReader& log, Quantity quantity, StepRange steps = {}) {
  std::map<std::string, TensorStats> tensors;
  log.watch(steps, [&](const WatchRow& w) {
    if (w.quantity == quantity) merge(tensors[log.tensors()[w.tensor].name], w.stats);
  });
  return tensors;
}

// Slope of log2 of the variance of each tensor's gradient over 100 steps, by least squares.
inline std::map<std::string, double> variance_slopes(const RunReader& log) {
  struct Sums {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  };
  std::map<std::string, Sums> sums;
  log.watch({}, [&](const WatchRow& w) {
    if (w.quantity != Quantity::gradient || !w.stats.finite()) return;
    const double n = double(w.stats.finite()), mean = w.stats.sum / n;
    const double variance = w.stats.sum_of_squares / n - mean * mean;
    if (!(variance > 0)) return;
    Sums& s = sums[log.tensors()[w.tensor].name];
    const double x = double(w.step) / 100, y = std::log2(variance);
    s.n += 1, s.x += x, s.y += y, s.xx += x * x, s.xy += x * y;
  });
  std::map<std::string, double> slopes;
  for (const auto& [name, s] : sums)
    if (s.n > 2) slopes[name] = (s.n * s.xy - s.x * s.y) / (s.n * s.xx - s.x * s.x);
  return slopes;
}

}  // namespace heartbeat::testing
