// What train_contacts can be told.
#pragma once

#include <cstdint>
#include <string>

namespace heartbeat {

struct TrainOptions {
  std::string data, run_dir, device = "auto";
  std::string size = "T", encoder = "relation", trunk = "pairs", tie = "none", prior = "on";
  double max_minutes = 0;  // 0: no limit
  long max_steps = 0;      // 0: no limit
  double lr = 2e-3, weight_decay = 1e-2, clip = 1.0, dropout = 0.05, ema = 0.999, warmup = 0.05;
  long pairs_per_batch = 9'000, crop = 128;
  bool recompute = false;
  double eval_minutes = 4;  // training minutes between validations
  long eval_steps = 0;      // steps between validations; 0: by minutes
  std::string watch = "all", watch_filter = "*", tensorboard = "on";
  long watch_every = 1;
  std::uint64_t seed = 17;
  bool resume = false, quiet = false;
  std::string resolved;  // every option as TOML, for the run log
};

// Answers --help, reads --config, refuses unknown flags (CLI11's exceptions) and values that make no sense (UserError).
TrainOptions parse_train_options(int argc, char** argv);

}  // namespace heartbeat
