// The device layer of kernels/common/device.h on the emulator.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <vector>

#include "kernels/common/device.h"
#include "kernels/simt/heap.h"
#include "kernels/simt/queue.h"

namespace heartbeat {
namespace simt {
namespace {

// Opening and closing a heap of a thousand tensors takes milliseconds: what a stream runs in one go shares it.
class OpenHeap {
 public:
  OpenHeap() {
    if (depth_++ == 0) heap().open(true);
  }
  ~OpenHeap() {
    if (--depth_ == 0) heap().open(false);
  }

 private:
  static inline int depth_ = 0;
};

}  // namespace
}  // namespace simt

struct StreamHandle {
  std::deque<std::function<void()>> pending;
  std::uint64_t done = 0;

  void run_until(std::uint64_t position) {
    const simt::OpenHeap open;
    while (done < position && !pending.empty()) {
      const auto operation = std::move(pending.front());
      pending.pop_front();
      ++done;
      try {
        operation();
      } catch (...) {  // as after a CUDA error: what was queued behind it is lost
        pending.clear();
        throw;
      }
    }
  }
};

namespace {

struct Recorded {
  StreamHandle* stream;
  std::uint64_t position;  // operations of the stream that precede the event
};

}  // namespace

void simt::enqueue(Cuda cuda, std::function<void()> operation) {
  if (cuda.stream) {
    cuda.stream->pending.emplace_back(std::move(operation));
  } else {
    const OpenHeap open;
    operation();
  }
}

namespace cuda {

Cuda create_stream() {
  return {new StreamHandle};
}
void destroy_stream(Cuda stream) {
  const std::unique_ptr<StreamHandle> handle(stream.stream);
  synchronize(stream);
}
void synchronize(Cuda stream) {
  if (stream.stream) stream.stream->run_until(UINT64_MAX);
}

Event::Event(Cuda on)
    : handle_(new std::shared_ptr<Recorded>(
          new Recorded{on.stream, on.stream ? on.stream->done + on.stream->pending.size() : 0})) {}
Event::~Event() {
  delete static_cast<std::shared_ptr<Recorded>*>(handle_);
}
void wait(Cuda stream, const Event& event) {
  const auto recorded = *static_cast<std::shared_ptr<Recorded>*>(event.handle_);
  if (!recorded->stream) return;  // the default stream runs at once
  const auto run = [recorded] { recorded->stream->run_until(recorded->position); };
  if (stream.stream)
    stream.stream->pending.emplace_back(run);
  else
    run();
}

void synchronize(const Event& event) {
  wait({}, event);
}

std::string why_unusable() {
  return "";
}

void* allocate(Cuda stream, std::size_t bytes) {
  static const char* const limit = std::getenv("HEARTBEAT_SIMT_MEMORY");  // bytes of the emulated GPU
  const auto fits = [&] { return !limit || simt::heap().live() + bytes <= std::strtoull(limit, nullptr, 10); };
  if (!fits()) synchronize(stream);  // what is queued may still release some
  if (!fits()) throw OutOfMemory(bytes, simt::heap().sizes());
  return simt::heap().allocate(bytes);
}
void* allocate_pinned(std::size_t bytes) {
  void* pointer = std::malloc(std::max<std::size_t>(bytes, 1));
  if (!pointer) throw std::bad_alloc{};
  return std::memset(pointer, 0xff, bytes);
}
void release_pinned(void* pointer) {
  std::free(pointer);
}
void release(Cuda stream, void* pointer) {
  simt::enqueue(stream, [=] { simt::heap().release(pointer); });
}
void copy(Cuda stream, void* to, const void* from, std::size_t bytes) {
  for (const void* p : {static_cast<const void*>(to), from})
    if (simt::heap().contains(p) && !simt::heap().is_allocated(p, bytes))
      throw std::out_of_range("cuda::copy: outside the allocation");
  if (bytes) simt::enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}
void upload(Cuda stream, void* to, const void* from, std::size_t bytes) {
  if (!bytes) return;
  const auto* first = static_cast<const std::byte*>(from);
  simt::enqueue(
      stream, [to, held = std::vector<std::byte>(first, first + bytes)] { std::memcpy(to, held.data(), held.size()); });
}
void clear(Cuda stream, void* to, std::size_t bytes) {
  if (bytes) simt::enqueue(stream, [=] { std::memset(to, 0, bytes); });
}

DeviceMemory memory_report() {
  return {simt::heap().live(), simt::heap().peak(), simt::heap().allocations()};
}

}  // namespace cuda
}  // namespace heartbeat
