#include "nn/watch.h"

#include <fnmatch.h>

#include <sstream>

namespace heartbeat::nn {

bool matches_any(const std::string& patterns, const std::string& name) {
  std::istringstream list(patterns);
  for (std::string pattern; std::getline(list, pattern, ',');)
    if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
  return false;
}

}  // namespace heartbeat::nn
