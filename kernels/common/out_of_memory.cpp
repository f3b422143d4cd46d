#include <algorithm>
#include <cstdlib>

#include "kernels/common/device.h"

namespace heartbeat::cuda {
namespace {

std::string readable(std::size_t bytes) {
  const bool large = bytes >= 1'000'000'000;
  const std::size_t tenths = bytes / (large ? 100'000'000 : 100'000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + (large ? " GB" : " MB");
}

// The largest pieces say what to make smaller.
std::string sentence(std::size_t wanted, std::vector<std::size_t> live) {
  std::sort(live.rbegin(), live.rend());
  std::size_t sum = 0;
  std::string largest;
  for (std::size_t k = 0; k < live.size(); ++k) {
    sum += live[k];
    if (k < 3) largest += (k ? ", " : "") + readable(live[k]);
  }
  return "the GPU is out of memory: " + readable(wanted) + " were asked for and " + readable(sum) + " are in use" +
         (largest.empty() ? "" : " (largest pieces " + largest + ")") +
         "; lower the batch (--pairs-per-batch or --batch-size) or the crop (--crop)";
}

}  // namespace

bool is_within_limit(std::size_t wanted, std::size_t live) {
  static const char* const limit = std::getenv("HEARTBEAT_GPU_MEMORY");
  return !limit || live + wanted <= std::strtoull(limit, nullptr, 10);
}

OutOfMemory::OutOfMemory(std::size_t wanted, std::vector<std::size_t> live)
    : std::runtime_error(sentence(wanted, std::move(live))) {}

}  // namespace heartbeat::cuda
