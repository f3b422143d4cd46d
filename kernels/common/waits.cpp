#include <cstdlib>
#include <string_view>

#include "kernels/common/device.h"

namespace heartbeat::cuda {
namespace {

struct Count {
  int scopes = 0;
  long waits = 0;
  Place first;
};
thread_local Count count;

// The file with its folder.
std::string text(const Place& place) {
  std::string_view file = place.file;
  if (const auto name = file.find_last_of('/'); name != file.npos && name > 0)
    if (const auto folder = file.find_last_of('/', name - 1); folder != file.npos) file.remove_prefix(folder + 1);
  return std::string(file) + ":" + std::to_string(place.line);
}

}  // namespace

ForbidWaits::ForbidWaits() : counts_(std::getenv("HEARTBEAT_FORBID_WAITS") != nullptr) {
  if (counts_ && count.scopes++ == 0) count.waits = 0;
}
ForbidWaits::~ForbidWaits() {
  if (counts_) --count.scopes;
}

void ForbidWaits::expect_none(const std::string& what) const {
  if (!counts_ || count.waits == 0) return;
  throw std::logic_error(what + " makes the host wait for the GPU " +
                         (count.waits == 1 ? "once" : std::to_string(count.waits) + " times") + ", first at " +
                         text(count.first) + " (HEARTBEAT_FORBID_WAITS is set)");
}

void note_wait(Place place) {
  if (count.scopes && count.waits++ == 0) count.first = place;
}

}  // namespace heartbeat::cuda
