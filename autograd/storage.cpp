#include "autograd/storage.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels/common/error.h"
#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat {
namespace {

struct Counter {
  std::atomic<std::size_t> live{0}, peak{0};
};
Counter& counter(Device device) {
  static Counter counters[2];
  return counters[device == Device::cuda];
}

// Activations of a step are freed and asked for again at once: giving their pages back in between costs more than the
// step's pointwise work.
[[maybe_unused]] const bool keep_pages = [] {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  return true;
}();

std::byte* allocate_on_host(std::size_t bytes) {
  constexpr std::size_t kAlign = 64;  // one cache line, and the widest vector
  void* p = std::aligned_alloc(kAlign, std::max(kAlign, (bytes + kAlign - 1) / kAlign * kAlign));
  if (!p) throw std::bad_alloc();
  return static_cast<std::byte*>(p);
}

#if HEARTBEAT_CUDA
std::byte* allocate_on_gpu(std::size_t bytes) {
  return static_cast<std::byte*>(cuda::allocate(cuda::compute_stream(), bytes));
}
void release_on_gpu(std::byte* data) {
  cuda::release(cuda::compute_stream(), data);
}
void copy_on_gpu(void* to, const void* from, std::size_t bytes) {
  if (bytes) cuda::copy(cuda::compute_stream(), to, from, bytes);
}
void wait_for_gpu(Place place) {
  cuda::synchronize(cuda::compute_stream(), place);
}
#else
std::byte* allocate_on_gpu(std::size_t) {
  throw UserError("tensor: this build has no CUDA; configure with -DHEARTBEAT_CUDA=cuda, or use the cpu");
}
void release_on_gpu(std::byte*) {}
void copy_on_gpu(void*, const void*, std::size_t) {}
void wait_for_gpu(Place) {}
#endif

}  // namespace

MemoryReport memory_report(Device device) {
  return {counter(device).live.load(), counter(device).peak.load()};
}
void reset_peak_memory() {
  for (Device device : {Device::cpu, Device::cuda}) counter(device).peak = counter(device).live.load();
}

Storage::Storage(Device device, std::size_t bytes)
    : device_(device), bytes_(bytes), data_(device == Device::cpu ? allocate_on_host(bytes) : allocate_on_gpu(bytes)) {
  Counter& c = counter(device);
  const std::size_t live = c.live += bytes;
  for (std::size_t peak = c.peak; live > peak && !c.peak.compare_exchange_weak(peak, live);) {
  }
}

Storage::~Storage() {
  counter(device_).live -= bytes_;
  if (device_ == Device::cpu)
    std::free(data_);
  else
    release_on_gpu(data_);
}

void Storage::clear() {
  if (device_ == Device::cpu) {
    std::memset(data_, 0, bytes_);
    return;
  }
#if HEARTBEAT_CUDA
  cuda::clear(cuda::compute_stream(), data_, bytes_);
#endif
}

void Storage::assign(const Storage& from, Place place) {
  if (from.device_ == Device::cpu)
    write(from.data_);
  else if (device_ == Device::cpu)
    from.read(0, bytes_, data_, place);
  else
    copy_on_gpu(data_, from.data_, bytes_);
}

void Storage::read(std::size_t first, std::size_t count, void* host, Place place) const {
  if (!count) return;  // host may be null
  if (device_ == Device::cpu) {
    std::memcpy(host, data_ + first, count);
  } else {
    copy_on_gpu(host, data_ + first, count);
    wait_for_gpu(place);
  }
}

void Storage::write(const void* host) {
  if (!bytes_) return;  // host may be null
  if (device_ == Device::cpu) {
    std::memcpy(data_, host, bytes_);
    return;
  }
#if HEARTBEAT_CUDA
  cuda::upload(cuda::compute_stream(), data_, host, bytes_);
#endif
}

}  // namespace heartbeat
