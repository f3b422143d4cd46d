// Device memory of the emulator. Allocations end against an inaccessible page, addresses are never used twice, and the
// whole heap is closed while host code runs: overruns, use after release and a host that touches device memory fault.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

namespace heartbeat::simt {

class Heap {
 public:
  Heap();
  void* allocate(std::size_t bytes);  // filled with NaN
  void release(void* pointer);        // throws std::invalid_argument unless it is a live allocation
  bool contains(const void* pointer) const;
  bool is_allocated(const void* pointer, std::size_t bytes) const;  // fully inside one live allocation
  void open(bool yes);

  std::size_t live() const { return live_bytes_; }
  std::size_t peak() const { return peak_bytes_; }
  std::size_t allocations() const { return live_.size(); }
  std::vector<std::size_t> sizes() const;  // of the live allocations

 private:
  struct Allocation {
    std::byte* start;  // of the pages
    std::size_t whole, bytes;
    bool filled;  // with NaN, the first time it is accessible
  };
  void expose(std::byte* user, Allocation& allocation);
  void protect(std::byte* user, const Allocation& allocation, bool accessible);

  std::byte* base_ = nullptr;
  std::size_t used_ = 0, live_bytes_ = 0, peak_bytes_ = 0;
  bool opened_ = false;
  std::map<std::byte*, Allocation> live_;  // by first byte
};

Heap& heap();

}  // namespace heartbeat::simt
