// What the heartbeat keeps of a tensor: fixed signed-log2 bins and statistics over the finite values.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/common/base.h"

namespace heartbeat {

inline constexpr int kBins = 264;     // two per octave for each sign, see kernels/histogram/histogram.h
inline constexpr int kZeroBin = 130;  // +0 and -0
inline constexpr int kNanBin = 261, kPlusInfBin = 262, kMinusInfBin = 263;

struct TensorStats {
  std::array<std::uint64_t, kBins> bins{};  // the sum over all bins is the number of elements
  double min = 0, max = 0;                  // of the finite values; meaningless where finite() is 0
  double sum = 0, sum_of_squares = 0, abs_sum = 0;

  HOST_DEVICE std::uint64_t count() const {
    std::uint64_t n = 0;
    for (std::uint64_t b : bins) n += b;
    return n;
  }
  bool operator==(const TensorStats&) const = default;
  HOST_DEVICE std::uint64_t finite() const { return count() - bins[kNanBin] - bins[kPlusInfBin] - bins[kMinusInfBin]; }
};

}  // namespace heartbeat
