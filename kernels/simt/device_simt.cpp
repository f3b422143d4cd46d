// The device layer of kernels/common/device.h on the emulator.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <vector>

#include "kernels/common/device.h"
#include "kernels/common/recording.h"
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
  std::vector<std::function<void()>>* recorded = nullptr;  // of the graph that is recorded, instead of pending

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
  if (cuda.stream && cuda.stream->recorded) {
    cuda.stream->recorded->push_back(std::move(operation));
  } else if (cuda.stream) {
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
void synchronize(Cuda stream, Place place) {
  if (recording_on(stream)) throw NotRecordable("the host waits for the GPU inside the step");
  note_wait(place);
  if (stream.stream) stream.stream->run_until(UINT64_MAX);
}

Event::Event(Cuda on)
    : handle_(new std::shared_ptr<Recorded>(
          new Recorded{on.stream, on.stream ? on.stream->done + on.stream->pending.size() : 0})) {
  if (!recording_on(on)) return;
  delete static_cast<std::shared_ptr<Recorded>*>(handle_);
  throw NotRecordable("another stream waits for the middle of the step");
}
Event::~Event() {
  delete static_cast<std::shared_ptr<Recorded>*>(handle_);
}
void wait(Cuda stream, const Event& event) {
  if (recording_on(stream)) throw NotRecordable("the step waits for another stream");
  const auto recorded = *static_cast<std::shared_ptr<Recorded>*>(event.handle_);
  if (!recorded->stream) return;  // the default stream runs at once
  const auto run = [recorded] { recorded->stream->run_until(recorded->position); };
  if (stream.stream)
    stream.stream->pending.emplace_back(run);
  else
    run();
}

void synchronize(const Event& event, Place place) {
  note_wait(place);
  wait({}, event);
}

std::string why_unusable() {
  return "";
}

namespace {

void* allocate_on_heap(std::size_t bytes, const std::function<void()>& wait) {
  const auto fits = [&] { return is_within_limit(bytes, simt::heap().live()); };
  if (!fits()) wait();  // what is queued may still release some
  if (!fits()) throw OutOfMemory(bytes, simt::heap().sizes());
  return simt::heap().allocate(bytes);
}

}  // namespace

void* allocate(Cuda stream, std::size_t bytes) {
  if (Recording* r = recording_on(stream)) return r->allocate(bytes);
  return allocate_on_heap(bytes, [stream] { synchronize(stream); });
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
  if (release_to_arena(pointer)) return;
  if (Recording* r = recording_on(stream)) return r->outside.push_back(pointer);
  simt::enqueue(stream, [=] { simt::heap().release(pointer); });
}
void copy(Cuda stream, void* to, const void* from, std::size_t bytes) {
  for (const void* p : {static_cast<const void*>(to), from})
    if (simt::heap().contains(p) && !simt::heap().is_allocated(p, bytes))
      throw std::out_of_range("cuda::copy: outside the allocation");
  if (recording_on(stream) && !(simt::heap().contains(to) && simt::heap().contains(from)))
    throw NotRecordable("the step copies from or to memory of the host");
  if (bytes) simt::enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}
void upload(Cuda stream, void* to, const void* from, std::size_t bytes) {
  if (!bytes) return;
  if (Recording* r = recording_on(stream)) return copy(stream, to, r->keep_constant(from, bytes), bytes);
  const auto* first = static_cast<const std::byte*>(from);
  simt::enqueue(
      stream, [to, held = std::vector<std::byte>(first, first + bytes)] { std::memcpy(to, held.data(), held.size()); });
}
void clear(Cuda stream, void* to, std::size_t bytes) {
  if (bytes) simt::enqueue(stream, [=] { std::memset(to, 0, bytes); });
}

struct GraphHandle {
  // Shared with the replays that are queued.
  struct Operations {
    std::vector<std::function<void()>> recorded;
    std::shared_ptr<Arena> arena, constant_arena;

    // What a replay finds in its memory that it has not written itself is of no use to it: NaN, as in fresh memory.
    void run() const {
      for (const auto& [first, bytes] : arena->slabs()) std::memset(first, 0xff, bytes);
      for (const auto& operation : recorded) operation();
    }
  };
  Cuda stream;
  std::shared_ptr<Operations> operations = std::make_shared<Operations>();
};

Graph::Graph(Cuda stream, const std::function<void()>& queue_work) : handle_(new GraphHandle{stream}) {
  if (!stream.stream) throw NotRecordable("the default stream runs at once");
  GraphHandle::Operations& operations = *handle_->operations;
  Recording recording(
      stream, [](std::size_t bytes) { return allocate_on_heap(bytes, [] {}); },
      [stream](void* slab) { simt::enqueue(stream, [slab] { simt::heap().release(slab); }); });
  operations.arena = recording.arena;
  operations.constant_arena = recording.constant_arena;
  {
    const RecordingScope scope(recording);
    stream.stream->recorded = &operations.recorded;
    try {
      queue_work();
    } catch (...) {
      stream.stream->recorded = nullptr;
      for (void* pointer : recording.outside) simt::enqueue(stream, [=] { simt::heap().release(pointer); });
      throw;
    }
    stream.stream->recorded = nullptr;
  }
  for (void* pointer : recording.outside) release(stream, pointer);
  for (const auto& c : recording.constants) upload(stream, c.device, c.bytes.data(), c.bytes.size());
}
Graph::~Graph() {
  if (handle_->operations.use_count() > 1) handle_->stream.stream->run_until(UINT64_MAX);
}

void Graph::replay() {
  simt::enqueue(handle_->stream, [operations = handle_->operations] { operations->run(); });
}
std::size_t Graph::operations() const {
  return handle_->operations->recorded.size();
}
std::size_t Graph::bytes() const {
  return handle_->operations->arena->bytes() + handle_->operations->constant_arena->bytes();
}
bool is_recording(Cuda stream) {
  return recording_on(stream) != nullptr;
}

DeviceMemory memory_report() {
  return {simt::heap().live(), simt::heap().peak(), simt::heap().allocations()};
}

}  // namespace cuda
}  // namespace heartbeat
