#include "nn/module.h"

namespace heartbeat::nn {

Parameters prefixed(std::initializer_list<std::pair<std::string, Parameters>> children) {
  Parameters all;
  for (const auto& [name, parameters] : children)
    for (const NamedTensor& p : parameters) all.push_back({name.empty() ? p.name : name + "." + p.name, p.tensor});
  return all;
}

}  // namespace heartbeat::nn
