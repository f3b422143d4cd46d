// Arrays in device memory for tests. What happens to them goes through a stream that the emulator runs as late as it
// may.
#pragma once

#include <vector>

#include "kernels/common/device.h"

namespace heartbeat::testing {

class Stream {
 public:
  Stream() : cuda_(cuda::create_stream()) {}
  ~Stream() { cuda::destroy_stream(cuda_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator Cuda() const { return cuda_; }

 private:
  Cuda cuda_;
};

template <class T>
class OnDevice {
 public:
  // Uninitialised; `lead` elements in front shift the data off its alignment.
  OnDevice(Cuda stream, long n, long lead = 0)
      : stream_(stream), n_(n), memory_(static_cast<T*>(cuda::allocate(stream, (n + lead) * sizeof(T)))), lead_(lead) {}
  template <class U>
  OnDevice(Cuda stream, const std::vector<U>& host, long lead = 0) : OnDevice(stream, long(host.size()), lead) {
    const std::vector<T> converted(host.begin(), host.end());
    cuda::upload(stream, data(), converted.data(), converted.size() * sizeof(T));
  }
  ~OnDevice() { cuda::release(stream_, memory_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* data() const { return memory_ + lead_; }
  long size() const { return n_; }
  Matrix<T> matrix(long rows, long cols) const { return {data(), rows, cols}; }
  std::vector<T> host() const {
    std::vector<T> out(n_);
    cuda::copy(stream_, out.data(), data(), n_ * sizeof(T));
    cuda::synchronize(stream_);
    return out;
  }

 private:
  Cuda stream_;
  long n_;
  T* memory_;
  long lead_;
};

}  // namespace heartbeat::testing
