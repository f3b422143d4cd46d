// The axis of values of a picture: which bins share a row, and where a value stands.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "kernels/common/statistics.h"

namespace heartbeat {

class ValueRows {
 public:
  // total: counts of all that is to be shown. Magnitudes that hold next to nothing (1.5 % together) share the row of
  // zero; rows end with the outermost values.
  explicit ValueRows(const TensorStats& total);

  int size() const { return int(rows_.size()); }  // from the largest value to the least
  double count(const TensorStats& stats, int row) const;
  double low(int row) const;
  double high(int row) const;
  int zero_row() const { return zero_; }
  std::optional<double> position(double value) const;  // in rows from the top; nothing outside
  std::vector<double> ticks(double room) const;        // 0 and powers of ten, at least so many rows apart

 private:
  struct Row {
    int first, last;  // bins
  };
  std::vector<Row> rows_;
  int zero_ = 0;
};

inline constexpr std::array<double, 7> kPercentiles = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
// Interpolated inside a bin: off by one bin (a factor of 1.5) at most. Nothing where there are no finite values.
std::optional<std::array<double, 7>> percentiles(const TensorStats& stats);

}  // namespace heartbeat
