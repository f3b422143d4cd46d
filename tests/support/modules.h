// What tests ask of a module.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tests/support/gradcheck.h"

namespace heartbeat::testing {

inline std::vector<std::string> names_of(const nn::Parameters& parameters) {
  std::vector<std::string> names;
  for (const nn::NamedTensor& p : parameters) names.push_back(p.name);
  return names;
}

inline long count_of(const nn::Parameters& parameters) {
  long count = 0;
  for (const nn::NamedTensor& p : parameters) count += p.tensor.numel();
  return count;
}

inline std::vector<Tensor> tensors_of(const nn::Parameters& parameters) {
  std::vector<Tensor> tensors;
  for (const nn::NamedTensor& p : parameters) tensors.push_back(p.tensor);
  return tensors;
}

// gradient_gap over all parameters and the given inputs.
inline double module_gap(const nn::Parameters& parameters, std::vector<Tensor> inputs,
                         const std::function<Tensor()>& f) {
  for (const Tensor& t : tensors_of(parameters)) inputs.push_back(t);
  return gradient_gap(std::move(inputs), f);
}

inline double largest(const Tensor& t) {
  double most = 0;
  for (long k = 0; k < t.numel(); ++k) most = std::max(most, std::abs(t.at(k)));
  return most;
}

}  // namespace heartbeat::testing
