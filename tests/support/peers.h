// The Python of tools/peers.sh: the programs that heartbeat is compared with, and those that read what it writes.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace heartbeat::testing {

inline constexpr const char* kNoPeers = "no Python with what this test compares with: tools/peers.sh makes one";

// A Python that can import all of these, parted by commas: of $HEARTBEAT_PEERS, of build/peers, or the system's. Empty
// where none can.
inline std::string python_with(const std::string& modules) {
  std::vector<std::string> pythons;
  if (const char* peers = std::getenv("HEARTBEAT_PEERS")) pythons.push_back(std::string(peers) + "/bin/python");
  pythons.push_back(HEARTBEAT_SOURCE_DIR "/build/peers/bin/python");
  pythons.push_back("python3");
  for (const std::string& python : pythons)
    if (std::system((python + " -c 'import " + modules + "' >/dev/null 2>&1").c_str()) == 0) return python;
  return "";
}

}  // namespace heartbeat::testing
