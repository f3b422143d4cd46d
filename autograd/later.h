// A scalar that the host wants to know, but not now: reading the loss of a step would make the GPU wait for the host.
#pragma once

#include <memory>

#include "autograd/tensor.h"

namespace heartbeat {

class Later {
 public:
  // The value that the tensor has after all work so far. On a GPU it sets out for the host behind that work.
  explicit Later(const Tensor& scalar);
  double get();  // waits until it has arrived

 private:
  Dtype dtype_;
  double value_ = 0;
  std::shared_ptr<void> fetch_;  // on a GPU, until get()
};

}  // namespace heartbeat
