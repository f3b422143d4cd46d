// What the contact loss compares logits with, for the packed pairs of a batch. The batch fills it (graph/batch.h), the
// loss reads it (autograd/ops.h).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/common/mirror.h"

namespace heartbeat {

struct ContactTargets {
  std::vector<std::uint16_t> positive = {}, valid = {};  // [pairs] bit k speaks of channel k; positive only where valid
  std::vector<double> positive_weight = {};              // [K] pw_k
  std::vector<double> channel_weight = {};               // [K]

  Mirror<std::uint16_t> positive_mirror = {}, valid_mirror = {};
  Mirror<double> positive_weight_mirror = {}, channel_weight_mirror = {};
};

}  // namespace heartbeat
