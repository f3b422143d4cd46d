// Bytes on a device: what tensors, and ops between forward and backward, keep their elements in.
#pragma once

#include <cstddef>

#include "kernels/common/base.h"
#include "kernels/common/place.h"

namespace heartbeat {

// Bytes held in this process by one device. On a GPU the scratch memory of kernels comes on top.
struct MemoryReport {
  std::size_t live = 0, peak = 0;
};
MemoryReport memory_report(Device device = Device::cpu);
void reset_peak_memory();

// Uninitialised at first. On a GPU allocation, release and everything below are queued on the compute stream, in the
// order of the calls; only what reads waits, and place says who. Throws UserError for a device that this build does not
// have.
class Storage {
 public:
  Storage(Device device, std::size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

  void clear();                                                      // zeros
  void assign(const Storage& from, Place place = Place::current());  // as many bytes, of any device
  // Bytes [first, first + count), to or from host memory, which may die after the call.
  void read(std::size_t first, std::size_t count, void* host, Place place = Place::current()) const;
  void write(const void* host);  // all bytes

 private:
  Device device_;
  std::size_t bytes_;
  std::byte* data_;
};

}  // namespace heartbeat
