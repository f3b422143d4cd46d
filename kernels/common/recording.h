// What both device layers (device_cuda.cu, kernels/simt/device_simt.cpp) keep while a Graph of device.h is recorded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernels/common/device.h"

namespace heartbeat::cuda {

// Device memory of a recorded step. The kernels of a graph hold addresses, so these are given out once, while it is
// recorded, and every replay finds its tensors there again. What the step releases serves its later allocations, as the
// order of the one stream allows. Nothing lasts in it from one replay to the next but what is never released.
class Arena {
 public:
  using Take = std::function<void*(std::size_t bytes)>;  // device memory of no stream; throws OutOfMemory
  using GiveBack = std::function<void(void*)>;
  static constexpr std::size_t kSlab = std::size_t{8} << 20;
  // slab: bytes that are taken at a time, unless more is asked for at once.
  Arena(Take take, GiveBack give_back, std::size_t slab = kSlab)
      : take_(std::move(take)), give_back_(std::move(give_back)), slab_(slab) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(std::size_t bytes);  // aligned to kAlignment
  void release(void* pointer);
  std::size_t bytes() const;  // of all slabs
  const std::vector<std::pair<std::byte*, std::size_t>>& slabs() const { return slabs_; }

  static constexpr std::size_t kAlignment = 256;

 private:
  void add_free(std::byte* first, std::size_t bytes);

  Take take_;
  GiveBack give_back_;
  std::size_t slab_;
  std::vector<std::pair<std::byte*, std::size_t>> slabs_;
  std::map<std::byte*, std::size_t> free_;            // no two of them touch
  std::unordered_map<void*, std::size_t> allocated_;  // bytes of each
};

struct Recording {
  Recording(Cuda on, const Arena::Take& take, const Arena::GiveBack& give_back)
      : stream(on),
        arena(std::make_shared<Arena>(take, give_back)),
        constant_arena(std::make_shared<Arena>(take, give_back, kConstantSlab)) {}
  static constexpr std::size_t kConstantSlab = std::size_t{256} << 10;

  Cuda stream;
  std::shared_ptr<Arena> arena;
  // What the host uploads meanwhile is the same at every replay: a copy, filled behind the recording, from which the
  // graph copies. It lies apart, because the memory of the step is written again and again.
  std::shared_ptr<Arena> constant_arena;
  struct Constant {
    void* device;
    std::vector<std::byte> bytes;
  };
  std::vector<Constant> constants;
  std::vector<void*> outside;  // older memory that is released meanwhile: to be released behind the recording

  void* allocate(std::size_t bytes);
  const void* keep_constant(const void* host, std::size_t bytes);  // its place in device memory
};

// The recording of this stream, null where none is under way. There is one at a time.
Recording* recording_on(Cuda stream);
// One recording for as long as it lives. Throws NotRecordable where another is under way.
class RecordingScope {
 public:
  explicit RecordingScope(Recording& recording);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;
};

// Whether the pointer is memory of an arena, which then has taken it back. An arena lives until its graph is gone and
// all its memory is released.
bool release_to_arena(void* pointer);

}  // namespace heartbeat::cuda
