// A module without effect, for as long as one looks what the loss says to that.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace heartbeat {

// While it lives, every parameter of the module is 0. UserError, naming the modules, where there is no such module.
class Ablated {
 public:
  Ablated(const nn::Parameters& parameters, const std::string& module);
  ~Ablated();
  Ablated(const Ablated&) = delete;

 private:
  std::vector<std::pair<Tensor, Tensor>> kept_;  // parameter, copy
};

// "a,b" -> a, b
std::vector<std::string> modules_of(const std::string& list);
// Throws that UserError without changing anything.
void expect_modules(const nn::Parameters& parameters, const std::string& list);

}  // namespace heartbeat
