#pragma once

#include <cstdint>

namespace heartbeat::nn {

// How a model runs. In training, masks of dropout are functions of (seed, step, layer, protein, pair, channel): a
// resumed or recomputed step draws the same ones.
struct Mode {
  bool training = false;
  std::uint32_t step = 0;
  std::uint64_t seed = 0;
  const std::uint32_t* device_step = nullptr;  // see RandomKey
};

}  // namespace heartbeat::nn
