// Initial values of parameters. Each call draws from the next Philox stream of the seed, so a model built by the same
// calls starts from the same bytes on every device; the numbers are drawn in f32 and are the same in f64.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"

namespace heartbeat::nn {

// Every tensor comes back with needs_grad() true.
struct Init {
  std::uint64_t seed = 0;
  Dtype dtype = Dtype::f32;
  Device device = Device::cpu;
  std::uint32_t draws = 0;  // streams used so far

  Tensor uniform(Shape shape, double bound);     // in [-bound, bound)
  Tensor normal(Shape shape, double deviation);  // mean 0
  Tensor zeros(Shape shape) const;
  Tensor ones(Shape shape) const;
};

}  // namespace heartbeat::nn
