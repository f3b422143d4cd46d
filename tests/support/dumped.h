// What `heartbeat dump` prints, as text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tools/log/dump.h"

namespace heartbeat::testing {

inline std::string dumped(const std::string& dir, const DumpOptions& options = {}) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  dump(RunReader(dir), options, file);
  std::fclose(file);
  std::string result(text, size);
  std::free(text);
  return result;
}

}  // namespace heartbeat::testing
