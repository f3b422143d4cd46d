// Memory, streams and events of a GPU. One interface, two implementations: device_cuda.cu for a real one, and
// kernels/simt/device_simt.cpp for the emulator, which defers whatever it may. The CPU needs none: its memory is the
// tensor's own.
//
// Work on one stream runs in the order it was queued in. A failure throws std::runtime_error with the call's name; for
// a kernel it may come at a later call.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/common/base.h"
#include "kernels/common/place.h"

namespace heartbeat::cuda {

Cuda create_stream();
void destroy_stream(Cuda stream);
void synchronize(Cuda stream, Place place = Place::current());  // returns when all that was queued is done

// Why no GPU can be used: one sentence, empty where one can.
std::string why_unusable();
#ifdef HEARTBEAT_SIMT
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

// Whether the products of f32 that are queued on the compute stream from now on go through tensor cores, see Cuda.
inline bool& tf32_products() {
  static bool on = false;
  return on;
}

// The streams of this process. All work is queued on the first; the second brings to the host what it reads later.
inline Cuda compute_stream() {
  static const Cuda stream = create_stream();
  return {stream.stream, tf32_products()};
}
inline Cuda copy_stream() {
  static const Cuda stream = create_stream();
  return stream;
}

// A point in the work of one stream that another, or the host, can wait for.
class Event {
 public:
  explicit Event(Cuda recorded_on);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

 private:
  friend void wait(Cuda stream, const Event& event);
  friend void synchronize(const Event& event, Place place);
  void* handle_;
};
void wait(Cuda stream, const Event& event);
void synchronize(const Event& event, Place place = Place::current());

// Memory in the order of the stream: usable by what is queued on it from now on, gone for what is queued after release.
// Freed memory stays cached for the next allocation. Aligned to 256 bytes, or to 16 under the emulator.
void* allocate(Cuda stream, std::size_t bytes);  // throws OutOfMemory
void release(Cuda stream, void* pointer);        // never fails because of what failed before
// Host memory that copies reach without a detour: only from and to it does copy() return at once.
void* allocate_pinned(std::size_t bytes);
void release_pinned(void* pointer);

// Between host and device, either way. Host memory must live until the stream has done the copy.
void copy(Cuda stream, void* to, const void* from, std::size_t bytes);
// Host to device, from memory that may die at once: small tables.
void upload(Cuda stream, void* to, const void* from, std::size_t bytes);
void clear(Cuda stream, void* to, std::size_t bytes);  // zeros

struct DeviceMemory {
  std::size_t live = 0, peak = 0;  // bytes asked for
  std::size_t allocations = 0;     // live ones
};
DeviceMemory memory_report();

// Says how much was asked for, what is in use, and what to lower. live: sizes of all allocations.
class OutOfMemory : public std::runtime_error {
 public:
  OutOfMemory(std::size_t wanted, std::vector<std::size_t> live);
};
// Whether so many bytes fit beside those in use, if the GPU has $HEARTBEAT_GPU_MEMORY bytes: for one that others use,
// too, and for tests. Always where that is not set. For the device layers.
bool is_within_limit(std::size_t wanted, std::size_t live);

// Work that cannot be part of a graph: one sentence without a name of a program.
class NotRecordable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Work that is queued once to be recorded, and then queued as one piece as often as one likes: a CUDA graph, or a list
// of operations under the emulator. What the host does in between happens once; sizes, addresses and arguments are
// those of the recording, so what is to differ from replay to replay has to lie in device memory. The host's uploads
// become constants, copied again at every replay.
//
// allocate() hands out memory of the graph while it is recorded. It may be held and released like any other, holds
// what the last replay left, and must not outlive the stream.
class Graph {
 public:
  // Calls queue_work() and does none of what that queues on the stream. Throws what queue_work() throws, OutOfMemory,
  // and NotRecordable where it waits for the stream, touches another stream or copies from or to the host.
  Graph(Cuda stream, const std::function<void()>& queue_work);
  ~Graph();  // waits for the stream
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void replay();
  std::size_t operations() const;  // kernels, copies and fills
  std::size_t bytes() const;       // of its memory

 private:
  std::unique_ptr<struct GraphHandle> handle_;
};
bool is_recording(Cuda stream);

// Counts how often this thread's host waits for a GPU, if $HEARTBEAT_FORBID_WAITS is set: a step that waits leaves the
// GPU idle meanwhile, and nobody sees it.
class ForbidWaits {
 public:
  ForbidWaits();
  ~ForbidWaits();
  ForbidWaits(const ForbidWaits&) = delete;
  ForbidWaits& operator=(const ForbidWaits&) = delete;

  // Throws std::logic_error that says how often, and where first, if at all; "step 7": what was not to wait.
  void expect_none(const std::string& what) const;

 private:
  bool counts_;
};
void note_wait(Place place);  // by the device layers

// n elements for the duration of one op.
template <class T>
class Scratch {
 public:
  Scratch(Cuda stream, long n)
      : stream_(stream), data_(n ? static_cast<T*>(allocate(stream, n * sizeof(T))) : nullptr) {}
  Scratch(Cuda stream, const T* from, long n) : Scratch(stream, n) {
    if (n) upload(stream, data_, from, n * sizeof(T));
  }
  ~Scratch() {
    if (data_) release(stream_, data_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }

 private:
  Cuda stream_;
  T* data_;
};

}  // namespace heartbeat::cuda
