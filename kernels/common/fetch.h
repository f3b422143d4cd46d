// What the host wants to know of device memory, but not now: the copy stream brings it to pinned host memory while the
// compute stream goes on. Only in builds with a GPU.
#pragma once

#include <optional>

#include "kernels/common/device.h"

namespace heartbeat::cuda {

class Fetch {
 public:
  explicit Fetch(std::size_t capacity) : pinned_(allocate_pinned(capacity)) {}
  ~Fetch() {
    try {
      if (copied_) synchronize(*copied_);  // nobody may have asked for what is on its way here
    } catch (const std::exception&) {      // a failure of the GPU has been told, or will be
    }
    release_pinned(pinned_);
  }
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  // Copies `bytes`, at most the capacity, as the compute stream leaves them. The source must live until get() or
  // allow_reuse(), and what an earlier start() brought is gone.
  void start(const void* device, std::size_t bytes) {
    const Event written(compute_stream());
    wait(copy_stream(), written);
    copy(copy_stream(), pinned_, device, bytes);
    copied_.emplace(copy_stream());
  }
  // Waits for the copy, no longer.
  const void* get() const {
    synchronize(*copied_);
    return pinned_;
  }
  // What is queued on the compute stream from now on may overwrite or release the source.
  void allow_reuse() const {
    if (copied_) wait(compute_stream(), *copied_);
  }

 private:
  void* pinned_;
  std::optional<Event> copied_;
};

}  // namespace heartbeat::cuda
