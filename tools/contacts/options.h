// What train_contacts can be told.
#pragma once

#include <string>

#include "tools/train/run_options.h"

namespace heartbeat {

struct TrainOptions : RunOptions {
  std::string data;
  std::string size = "T", encoder = "relation", trunk = "pairs", tie = "none", prior = "on", noise_module = "off";
  double max_minutes = 0;  // 0: no limit
  long max_steps = 0;      // 0: no limit
  double lr = 2e-3, weight_decay = 1e-2, clip = 1.0, dropout = 0.05, ema = 0.999, warmup = 0.05;
  long pairs_per_batch = 9'000, crop = 128;
  bool recompute = false;
  double eval_minutes = 4;  // training minutes between validations
  long eval_steps = 0;      // steps between validations; 0: by minutes
};

// Answers --help, reads --config, refuses unknown flags (CLI11's exceptions) and values that make no sense (UserError).
TrainOptions parse_train_options(int argc, char** argv);

}  // namespace heartbeat
