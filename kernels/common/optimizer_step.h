// What every optimizer step takes besides its tensors.
#pragma once

#include <span>

#include "kernels/common/statistics.h"

namespace heartbeat {

struct StepOptions {
  double clip_factor = 1;       // every gradient times this, see clip_norm
  bool skip = false;            // change neither values nor state; the watch still looks
  bool zero_gradients = false;  // leave zeros behind, in the same pass
  // On a GPU, in its memory: read instead of clip_factor, so that no step waits for the host to know it.
  const double* device_clip_factor = nullptr;
};

// Where the heartbeat of a step goes: [tensors] each, or empty for a quantity that is not taken. Overwritten, except
// for tensors that are not watched. A tensor without a gradient has gradient counts that sum to 0 and updates of zero.
struct Watch {
  std::span<TensorStats> parameter = {};  // before the step
  std::span<TensorStats> gradient = {};   // as stored: before clipping
  std::span<TensorStats> update = {};     // value after minus value before, computed in T
  std::span<TensorStats> clipped = {};    // gradient * clip_factor
};

}  // namespace heartbeat
