#include "kernels/simt/heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "kernels/simt/sanitizers.h"

#if HEARTBEAT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace heartbeat::simt {
namespace {

constexpr std::size_t kCapacity = std::size_t{256} << 30;  // of addresses, not of memory
constexpr std::size_t kPage = 4096, kAlignment = 16;

std::size_t rounded_up(std::size_t bytes, std::size_t to) {
  return (bytes + to - 1) / to * to;
}

}  // namespace

Heap::Heap() {
  void* p = mmap(nullptr, kCapacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc{};
  base_ = static_cast<std::byte*>(p);
}

void* Heap::allocate(std::size_t bytes) {
  const std::size_t padded = rounded_up(bytes, kAlignment), whole = rounded_up(std::max(padded, kAlignment), kPage);
  if (used_ + whole + kPage > kCapacity) throw std::bad_alloc{};
  std::byte* start = base_ + used_;
  used_ += whole + kPage;
  std::byte* user = start + whole - padded;
  Allocation& allocation = live_[user] = {start, whole, bytes, /*filled=*/false};
  live_bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
  if (opened_) expose(user, allocation);  // else when the heap is opened next
  return user;
}

void Heap::expose(std::byte* user, Allocation& allocation) {
  protect(user, allocation, true);
  if (!std::exchange(allocation.filled, true))
    std::memset(user, 0xff, allocation.bytes);  // NaN: memory that nobody wrote shows
}

void Heap::release(void* pointer) {
  const auto it = live_.find(static_cast<std::byte*>(pointer));
  if (it == live_.end()) throw std::invalid_argument("cuda::release: not a live device pointer");
  protect(it->first, it->second, false);
  madvise(it->second.start, it->second.whole, MADV_DONTNEED);
  live_bytes_ -= it->second.bytes;
  live_.erase(it);
}

bool Heap::contains(const void* pointer) const {
  return pointer >= base_ && pointer < base_ + kCapacity;
}

bool Heap::is_allocated(const void* pointer, std::size_t bytes) const {
  const auto* p = static_cast<const std::byte*>(pointer);
  auto it = live_.upper_bound(const_cast<std::byte*>(p));
  if (it == live_.begin()) return false;
  --it;
  return p + bytes <= it->first + it->second.bytes;
}

std::vector<std::size_t> Heap::sizes() const {
  std::vector<std::size_t> sizes;
  for (const auto& [user, allocation] : live_) sizes.push_back(allocation.bytes);
  return sizes;
}

void Heap::open(bool yes) {
  static const bool stays_open = std::getenv("HEARTBEAT_SIMT_OPEN_HEAP") != nullptr;
  if (yes == opened_ || (stays_open && !yes)) return;
  opened_ = yes;
  for (auto& [user, allocation] : live_)
    if (yes)
      expose(user, allocation);
    else
      protect(user, allocation, false);
}

void Heap::protect(std::byte* user, const Allocation& allocation, bool accessible) {
  if (mprotect(allocation.start, allocation.whole, accessible ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
    throw std::bad_alloc{};
#if HEARTBEAT_ASAN
  __asan_poison_memory_region(allocation.start, allocation.whole + kPage);
  if (accessible) __asan_unpoison_memory_region(user, allocation.bytes);
#else
  static_cast<void>(user);
#endif
}

Heap& heap() {
  static Heap* instance = new Heap;
  return *instance;
}

}  // namespace heartbeat::simt
