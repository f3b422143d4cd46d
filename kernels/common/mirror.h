// What kernels read beside tensors (the layout of a batch, a graph, class labels) lies in arrays on the host. Their
// owner holds a mirror of each: the same elements in device memory, copied when a kernel first asks.
#pragma once

#include <vector>

#include "kernels/common/base.h"
#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat {

// The owner passes its array at every call, and must not change it after the first on a GPU but by assign(). A copy of
// a mirror is empty, for the copy of its owner may become something else.
template <class T>
class Mirror {
 public:
  Mirror() = default;
  Mirror(const Mirror&) {}
  Mirror& operator=(const Mirror&) {
    drop();
    return *this;
  }
  ~Mirror() { drop(); }

  const T* of(Cpu, const std::vector<T>& host) const { return host.data(); }
#if HEARTBEAT_CUDA
  const T* of(Cuda cuda, const std::vector<T>& host) const {
    if (!device_ && !host.empty()) {
      if (cuda::is_recording(cuda)) throw cuda::NotRecordable("the step brings an array to the GPU for the first time");
      device_ = static_cast<T*>(cuda::allocate(cuda, host.size() * sizeof(T)));
      cuda::upload(cuda, device_, host.data(), host.size() * sizeof(T));
    }
    return device_;
  }
  bool exists() const {
    return device_ != nullptr;
  }
  // As many other elements into the same place, for what is queued from now on: the one way to change a mirror. None
  // where no kernel has asked yet.
  void assign(const std::vector<T>& host) const {
    if (device_) cuda::upload(cuda::compute_stream(), device_, host.data(), host.size() * sizeof(T));
  }
#endif

 private:
  void drop() {
#if HEARTBEAT_CUDA
    if (device_) cuda::release(cuda::compute_stream(), device_);
#endif
    device_ = nullptr;
  }

  mutable T* device_ = nullptr;
};

}  // namespace heartbeat
