// The last word of the suite: every __global__ function of the tree was launched by one of the tests before.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#ifdef HEARTBEAT_SIMT
#include "kernels/simt/engine.h"

namespace heartbeat {
namespace {

// The word before the first parenthesis behind __global__ that is not that of __launch_bounds__.
void add_kernels(const std::string& source, std::set<std::string>& names) {
  for (size_t at = source.find("__global__"); at != source.npos; at = source.find("__global__", at + 1)) {
    size_t end = source.find('(', at);
    if (source.substr(at, end - at).ends_with("__launch_bounds__")) end = source.find('(', source.find(')', end));
    const size_t begin = source.find_last_of(" \n", end) + 1;
    names.insert(source.substr(begin, end - begin));
  }
}

std::set<std::string> kernels_in_the_tree() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(HEARTBEAT_SOURCE_DIR "/kernels")) {
    const auto extension = entry.path().extension();
    if (extension != ".cu" && extension != ".cuh") continue;
    if (entry.path().filename() == "device_cuda.cu") continue;  // the emulator has a device layer of its own
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    add_kernels(text.str(), names);
  }
  return names;
}

class EveryKernelWasLaunched : public ::testing::Environment {
  void TearDown() override {
    if (::testing::GTEST_FLAG(filter) != "*") return;  // a part of the suite proves nothing
    const auto tree = kernels_in_the_tree();
    EXPECT_GT(tree.size(), 20u);
    for (const std::string& name : tree)
      EXPECT_TRUE(simt::launched().contains(name)) << "no test launches the kernel " << name;
  }
};
const auto* const registered = ::testing::AddGlobalTestEnvironment(new EveryKernelWasLaunched);

}  // namespace
}  // namespace heartbeat
#endif
