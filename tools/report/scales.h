// How large the numbers of a tensor are, from its histogram, and how far two histograms lie apart.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "kernels/common/statistics.h"

namespace heartbeat {

// Median of the magnitudes of the finite values, zeros included, interpolated inside its bin: off by one bin (a factor
// of 1.5) at most. NaN where there are none.
double median_magnitude(const TensorStats& stats);

// Counts of b less those of a: exact, bin by bin.
std::array<std::int64_t, kBins> subtract(const TensorStats& b, const TensorStats& a);
// The share of a's values that would have to change their bin to become b, both of the same size; 0 where they are
// equal.
double share_elsewhere(const TensorStats& a, const TensorStats& b);

// tensors: by name, as in "conv1.weight". The median magnitude of a module's tensors, taken together, over the median
// of the same number of every other module. Nothing where there is no such module, or no other.
std::optional<double> scale_of_module(const std::map<std::string, TensorStats>& tensors, const std::string& module);

}  // namespace heartbeat
