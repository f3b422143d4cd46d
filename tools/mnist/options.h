// What train_mnist can be told.
#pragma once

#include <string>

#include "tools/train/run_options.h"

namespace heartbeat {

struct MnistOptions : RunOptions {
  std::string data = "synthetic";  // a folder, or this word
  long synthetic = 12'000;         // digits to draw for training; a sixth of it for the test
  std::string model = "reference", noise_module = "on", optimizer = "sgd";
  long epochs = 30, batch_size = 64, test_batch_size = 1000;
  double lr = 0.01, momentum = 0, weight_decay = 0;
};

// Answers --help, reads --config, refuses unknown flags (CLI11's exceptions) and values that make no sense (UserError).
MnistOptions parse_mnist_options(int argc, char** argv);

}  // namespace heartbeat
