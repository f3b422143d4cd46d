// What `heartbeat dump` prints, as text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tools/log/dump.h"

namespace heartbeat::testing {

// Throws what dump() throws.
inline std::string dumped(const std::string& dir, const DumpOptions& options = {}) {
  struct Memory {
    char* text = nullptr;
    size_t size = 0;
    std::FILE* file = open_memstream(&text, &size);
    ~Memory() {
      if (file) std::fclose(file);
      std::free(text);
    }
  } memory;
  dump(RunReader(dir), options, memory.file);
  std::fflush(memory.file);
  return {memory.text, memory.size};
}

}  // namespace heartbeat::testing
