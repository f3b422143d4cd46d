// The device layer of kernels/common/device.h on the emulator.
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "kernels/common/device.h"
#include "kernels/simt/heap.h"
#include "kernels/simt/queue.h"

namespace heartbeat {

struct StreamHandle {
  std::deque<std::function<void()>> pending;
  std::uint64_t done = 0;

  void run_until(std::uint64_t position) {
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

struct OpenHeap {
  OpenHeap() { simt::heap().open(true); }
  ~OpenHeap() { simt::heap().open(false); }
};

struct Recorded {
  StreamHandle* stream;
  std::uint64_t position;  // operations of the stream that precede the event
};

}  // namespace

void simt::enqueue(Cuda cuda, std::function<void()> operation) {
  auto guarded = [operation = std::move(operation)] {
    const OpenHeap open;
    operation();
  };
  if (cuda.stream)
    cuda.stream->pending.emplace_back(std::move(guarded));
  else
    guarded();
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

void* allocate(Cuda, std::size_t bytes) {
  return simt::heap().allocate(bytes);
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
