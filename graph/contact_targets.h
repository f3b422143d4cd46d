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

  // The labels of other proteins with as many pairs, on the host and at the same places of a GPU: what a recorded step
  // reads at its next replay.
  void assign(const ContactTargets& other) {
    positive = other.positive;
    valid = other.valid;
    positive_weight = other.positive_weight;
    channel_weight = other.channel_weight;
#if HEARTBEAT_CUDA
    positive_mirror.assign(positive);
    valid_mirror.assign(valid);
    positive_weight_mirror.assign(positive_weight);
    channel_weight_mirror.assign(channel_weight);
#endif
  }
};

}  // namespace heartbeat
