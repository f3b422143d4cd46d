// Modules are plain structs: a call operator and a list of named parameters. Names and layouts are PyTorch's, because
// they reach the heartbeat log, the checkpoints and the pictures.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace heartbeat::nn {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
using Parameters = std::vector<NamedTensor>;

// {"gru", {"weight_ih", W}} -> "gru.weight_ih"
Parameters prefixed(std::initializer_list<std::pair<std::string, Parameters>> children);

}  // namespace heartbeat::nn
