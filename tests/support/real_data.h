// Where real structures may lie: $HEARTBEAT_DATA, or data/ beside the source tree's folder. Tests that need them skip
// where they are missing.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace heartbeat {

inline std::filesystem::path real_data() {
  if (const char* set = std::getenv("HEARTBEAT_DATA")) return set;
  return std::filesystem::path(HEARTBEAT_SOURCE_DIR) / "../shared/data";
}

}  // namespace heartbeat

#define HEARTBEAT_NEEDS(path)         \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << "real data not found at " << (path) << "; set HEARTBEAT_DATA to the folder that holds structures/"
