// Where the programs and the sources are: those of the build, unless the binaries have been taken elsewhere.
#pragma once

#include <cstdlib>
#include <string>

namespace heartbeat::testing {

inline std::string bin_dir() {
  const char* elsewhere = std::getenv("HEARTBEAT_BIN_DIR");
  return elsewhere ? elsewhere : HEARTBEAT_BIN_DIR;
}

}  // namespace heartbeat::testing
