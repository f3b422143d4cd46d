#include "tools/train/ablation.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "kernels/common/error.h"

namespace heartbeat {
namespace {

bool belongs(const std::string& name, const std::string& module) {
  return name == module || name.rfind(module + ".", 0) == 0;
}

}  // namespace

std::vector<std::string> modules_of(const std::string& list) {
  std::vector<std::string> modules;
  std::istringstream in(list);
  for (std::string module; std::getline(in, module, ',');) modules.push_back(module);
  return modules;
}

void expect_modules(const nn::Parameters& parameters, const std::string& list) {
  for (const std::string& module : modules_of(list)) {
    std::set<std::string> known;
    bool found = false;
    for (const auto& [name, tensor] : parameters) {
      found = found || belongs(name, module);
      known.insert(name.substr(0, name.find('.')));
    }
    std::string choices;
    for (const std::string& k : known) choices += (choices.empty() ? "" : ", ") + k;
    if (!found) throw UserError("--ablate " + module + ": the model has no such module; it has " + choices);
  }
}

Ablated::Ablated(const nn::Parameters& parameters, const std::string& module) {
  expect_modules(parameters, module);
  for (const auto& [name, tensor] : parameters) {
    if (!belongs(name, module)) continue;
    kept_.emplace_back(tensor, tensor.copy());
    tensor.assign(Tensor::zeros(tensor.shape(), tensor.dtype(), tensor.device()));
  }
}

Ablated::~Ablated() {
  for (const auto& [tensor, kept] : kept_) tensor.assign(kept);
}

}  // namespace heartbeat
