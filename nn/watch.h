// What the heartbeat knows about the tensors of a run, and what it measured at one optimizer step.
#pragma once

#include <string>
#include <vector>

#include "autograd/tensor.h"
#include "kernels/common/statistics.h"

namespace heartbeat::nn {

enum class WatchLevel { none, gradients, all };  // all: gradients, parameters and updates

struct WatchOptions {
  WatchLevel level = WatchLevel::all;
  std::string filter = "*";  // names to watch: shell patterns with commas between
  long every = 1;            // watch steps 0, every, 2 every, ...
};

// One tensor of the optimizer.
struct WatchedTensor {
  std::string name;                  // "ggn.gru.bias_hh"
  std::vector<std::string> aliases;  // other names of the same storage: tied parameters
  Shape shape;
  Dtype dtype = Dtype::f32;
  std::string module;     // "ggn.gru"
  std::string group;      // "decay" or "no_decay"
  bool trainable = true;  // read anew at every step: late unfreezing is seen
  bool watched = true;    // the filter names it
};

// One entry per tensor in optimizer order; a vector is empty when its quantity was not taken.
struct WatchFrame {
  long step = 0;                       // counted from 0
  std::vector<TensorStats> parameter;  // before the step
  std::vector<TensorStats> gradient;   // before clipping; count() 0 where no gradient has arrived
  std::vector<TensorStats> update;     // after minus before, as applied
  std::vector<TensorStats> clipped;    // only at steps with clip_factor < 1
  double global_norm = 0;              // of all gradients, before clipping
  double clip_factor = 1;
  double lr = 0;
  bool skipped = false;  // the norm was not finite and skip_non_finite is on: nothing was changed
};

// Whether a shell pattern of the list "a*,b?c" matches the name. An empty list matches nothing.
bool matches_any(const std::string& patterns, const std::string& name);

}  // namespace heartbeat::nn
