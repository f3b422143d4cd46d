#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "kernels/common/device.h"
#include "kernels/common/launch.h"
#include "kernels/common/recording.h"

namespace heartbeat::cuda {
namespace {

void check(cudaError_t error, const char* call) {
  if (error != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(error));
}
// What the GPU did some time ago failed.
void check_done(cudaError_t error) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string("a kernel failed on the GPU: ") + cudaGetErrorString(error) +
                             "; with HEARTBEAT_CUDA_BLOCKING=1 the same command names the kernel and its shapes");
}
cudaStream_t native(Cuda stream) {
  return reinterpret_cast<cudaStream_t>(stream.stream);
}

// The driver's own pool is the caching, stream-ordered allocator: we only tell it to keep what it has.
void keep_freed_memory() {
  static const bool once = [] {
    int device;
    cudaMemPool_t pool;
    std::uint64_t everything = UINT64_MAX;
    check(cudaGetDevice(&device), "cudaGetDevice");
    check(cudaDeviceGetDefaultMemPool(&pool, device), "cudaDeviceGetDefaultMemPool");
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &everything), "cudaMemPoolSetAttribute");
    return true;
  }();
  static_cast<void>(once);
}

struct Book {  // of live allocations
  std::mutex mutex;
  std::unordered_map<void*, std::size_t> bytes;
  std::size_t live = 0, peak = 0;
};
Book& book() {
  static Book* instance = new Book;  // tensors of static storage may outlive every other static
  return *instance;
}

void enter(void* pointer, std::size_t bytes) {
  const std::lock_guard lock(book().mutex);
  book().bytes[pointer] = bytes;
  book().live += bytes;
  book().peak = std::max(book().peak, book().live);
}
void strike_out(void* pointer) {
  const std::lock_guard lock(book().mutex);
  const auto it = book().bytes.find(pointer);
  if (it == book().bytes.end()) throw std::invalid_argument("cuda::release: not a live device pointer");
  book().live -= it->second;
  book().bytes.erase(it);
}

std::vector<std::size_t> live_sizes() {
  const std::lock_guard lock(book().mutex);
  std::vector<std::size_t> sizes;
  for (const auto& [pointer, bytes] : book().bytes) sizes.push_back(bytes);
  return sizes;
}

std::string version(int number) {  // 13020 is 13.2
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// Pinned memory that a copy starts from, idle once the copy is done.
struct Stage {
  void* memory;
  std::size_t bytes;
  cudaEvent_t sent;
};
Stage& idle_stage(std::size_t bytes) {
  static std::deque<Stage> stages;  // as many as copies were on their way at a time
  for (Stage& stage : stages)
    if (stage.bytes >= bytes && cudaEventQuery(stage.sent) == cudaSuccess) return stage;
  Stage stage{nullptr, std::bit_ceil(bytes), nullptr};
  check(cudaMallocHost(&stage.memory, stage.bytes), "cudaMallocHost");
  check(cudaEventCreateWithFlags(&stage.sent, cudaEventDisableTiming), "cudaEventCreate");
  return stages.emplace_back(stage);
}

bool is_on_device(const void* pointer) {
  cudaPointerAttributes attributes;
  check(cudaPointerGetAttributes(&attributes, pointer), "cudaPointerGetAttributes");
  return attributes.type == cudaMemoryTypeDevice;
}

// Slabs of an arena are asked for in the middle of a recording, where cudaMallocAsync would become a part of the graph.
// cudaMalloc belongs to no stream, and a relaxed recording allows it. The pool may hold what it lacks.
void* take_slab(std::size_t bytes) {
  void* pointer = nullptr;
  const auto ask = [&] {
    return is_within_limit(bytes, memory_report().live) ? cudaMalloc(&pointer, bytes) : cudaErrorMemoryAllocation;
  };
  cudaError_t error = ask();
  if (error == cudaErrorMemoryAllocation) {
    int device;
    cudaMemPool_t pool;
    check(cudaGetDevice(&device), "cudaGetDevice");
    check(cudaDeviceGetDefaultMemPool(&pool, device), "cudaDeviceGetDefaultMemPool");
    check(cudaMemPoolTrimTo(pool, 0), "cudaMemPoolTrimTo");
    error = ask();
  }
  static_cast<void>(cudaGetLastError());  // a want of memory stays behind otherwise
  if (error == cudaErrorMemoryAllocation) throw OutOfMemory(bytes, live_sizes());
  check(error, "cudaMalloc");
  enter(pointer, bytes);
  return pointer;
}
void give_slab_back(void* pointer) {
  strike_out(pointer);
  static_cast<void>(cudaFree(pointer));  // waits for all work that may still use it
}

__global__ void nothing() {}

std::string find_reason() {
  int devices = 0, driver = 0, runtime = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (error == cudaErrorInsufficientDriver && driver != 0)
    return "the NVIDIA driver of this machine knows CUDA " + version(driver) + ", but heartbeat was built with CUDA " +
           version(runtime) + ": update the driver, or build with an older toolkit";
  if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver || (error == cudaSuccess && devices == 0))
    return "this machine has no NVIDIA GPU, or no driver for it (nvidia-smi would list both)";
  if (error != cudaSuccess) return std::string("the GPU cannot be used: ") + cudaGetErrorString(error);
  cudaFuncAttributes attributes;
  const cudaError_t image = cudaFuncGetAttributes(&attributes, nothing);
  if (image == cudaSuccess) return "";
  cudaDeviceProp gpu;
  if (image != cudaErrorNoKernelImageForDevice && image != cudaErrorInvalidDeviceFunction)
    return std::string("the GPU cannot be used: ") + cudaGetErrorString(image);
  if (cudaGetDeviceProperties(&gpu, 0) != cudaSuccess) return "the GPU does not say what it is";
  const std::string architecture = std::to_string(gpu.major) + std::to_string(gpu.minor);
  return std::string("heartbeat was not built for ") + gpu.name +
         ": build it with -DCMAKE_CUDA_ARCHITECTURES=" + architecture;
}

}  // namespace

Cuda create_stream() {
  cudaStream_t stream;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return {reinterpret_cast<StreamHandle*>(stream)};
}
void destroy_stream(Cuda stream) {
  synchronize(stream);
  check(cudaStreamDestroy(native(stream)), "cudaStreamDestroy");
}
void synchronize(Cuda stream, Place place) {
  if (recording_on(stream)) throw NotRecordable("the host waits for the GPU inside the step");
  note_wait(place);
  check_done(cudaStreamSynchronize(native(stream)));
}

std::string why_unusable() {
  static const std::string reason = find_reason();
  return reason;
}

bool is_blocking() {
  static const bool blocking = std::getenv("HEARTBEAT_CUDA_BLOCKING") != nullptr;
  return blocking;
}

Event::Event(Cuda on) {
  if (recording_on(on)) throw NotRecordable("another stream waits for the middle of the step");
  cudaEvent_t event;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  handle_ = event;
  check(cudaEventRecord(event, native(on)), "cudaEventRecord");
}
Event::~Event() {
  cudaEventDestroy(static_cast<cudaEvent_t>(handle_));
}
void wait(Cuda stream, const Event& event) {
  if (recording_on(stream)) throw NotRecordable("the step waits for another stream");
  check(cudaStreamWaitEvent(native(stream), static_cast<cudaEvent_t>(event.handle_)), "cudaStreamWaitEvent");
}

void synchronize(const Event& event, Place place) {
  note_wait(place);
  check_done(cudaEventSynchronize(static_cast<cudaEvent_t>(event.handle_)));
}

void* allocate(Cuda stream, std::size_t bytes) {
  if (Recording* r = recording_on(stream)) return r->allocate(bytes);
  keep_freed_memory();
  void* pointer = nullptr;
  const auto ask = [&] {
    return is_within_limit(bytes, memory_report().live)
               ? cudaMallocAsync(&pointer, std::max<std::size_t>(bytes, 1), native(stream))
               : cudaErrorMemoryAllocation;
  };
  cudaError_t error = ask();
  if (error == cudaErrorMemoryAllocation) {  // what is queued may still release some
    synchronize(stream);
    error = ask();
  }
  if (error == cudaErrorMemoryAllocation) throw OutOfMemory(bytes, live_sizes());
  check(error, "cudaMallocAsync");
  enter(pointer, bytes);
  return pointer;
}
void release(Cuda stream, void* pointer) {
  if (release_to_arena(pointer)) return;
  if (Recording* r = recording_on(stream)) return r->outside.push_back(pointer);
  strike_out(pointer);
  static_cast<void>(cudaFreeAsync(pointer, native(stream)));  // destructors call this, after a failure too
}
void* allocate_pinned(std::size_t bytes) {
  void* pointer = nullptr;
  check(cudaMallocHost(&pointer, std::max<std::size_t>(bytes, 1)), "cudaMallocHost");
  return pointer;
}
void release_pinned(void* pointer) {
  static_cast<void>(cudaFreeHost(pointer));
}

void copy(Cuda stream, void* to, const void* from, std::size_t bytes) {
  if (recording_on(stream) && !(is_on_device(to) && is_on_device(from)))
    throw NotRecordable("the step copies from or to memory of the host");
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)), "cudaMemcpyAsync");
}
// Of small pieces of pageable memory the runtime takes a copy of its own and returns; for larger ones it would wait for
// the stream.
void upload(Cuda stream, void* to, const void* from, std::size_t bytes) {
  constexpr std::size_t kSmall = 64 << 10;
  if (Recording* r = recording_on(stream)) return copy(stream, to, r->keep_constant(from, bytes), bytes);
  const auto send = [&](const void* source) {
    check(cudaMemcpyAsync(to, source, bytes, cudaMemcpyHostToDevice, native(stream)), "cudaMemcpyAsync");
  };
  if (bytes <= kSmall) return send(from);
  Stage& stage = idle_stage(bytes);
  std::memcpy(stage.memory, from, bytes);
  send(stage.memory);
  check(cudaEventRecord(stage.sent, native(stream)), "cudaEventRecord");
}
void clear(Cuda stream, void* to, std::size_t bytes) {
  check(cudaMemsetAsync(to, 0, bytes, native(stream)), "cudaMemsetAsync");
}

struct GraphHandle {
  Cuda stream;
  std::shared_ptr<Arena> arena, constant_arena;
  cudaGraphExec_t graph = nullptr;
  std::size_t operations = 0;

  ~GraphHandle() {
    cudaStreamSynchronize(native(stream));  // a replay may be on its way
    if (graph) cudaGraphExecDestroy(graph);
  }
};

Graph::Graph(Cuda stream, const std::function<void()>& queue_work) : handle_(new GraphHandle{stream}) {
  if (is_blocking()) throw NotRecordable("HEARTBEAT_CUDA_BLOCKING makes the host wait for every kernel");
  Recording recording(stream, take_slab, give_slab_back);
  handle_->arena = recording.arena;
  handle_->constant_arena = recording.constant_arena;
  cudaGraph_t recorded = nullptr;
  std::exception_ptr failed;
  cudaError_t error;
  {
    const RecordingScope scope(recording);
    check(cudaStreamBeginCapture(native(stream), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
    try {
      queue_work();
    } catch (...) {
      failed = std::current_exception();
    }
    error = cudaStreamEndCapture(native(stream), &recorded);
  }
  for (void* pointer : recording.outside) release(stream, pointer);
  const auto owned = [](cudaGraph_t graph) { cudaGraphDestroy(graph); };
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, decltype(owned)> graph(recorded, owned);
  if (failed || error != cudaSuccess) static_cast<void>(cudaGetLastError());  // nothing of it is to be met again
  if (failed) std::rethrow_exception(failed);
  if (error != cudaSuccess)
    throw NotRecordable(std::string("the step cannot be recorded: cudaStreamEndCapture: ") + cudaGetErrorString(error));
  for (const auto& constant : recording.constants)
    upload(stream, constant.device, constant.bytes.data(), constant.bytes.size());
  check(cudaGraphGetNodes(recorded, nullptr, &handle_->operations), "cudaGraphGetNodes");
  check(cudaGraphInstantiate(&handle_->graph, recorded, 0), "cudaGraphInstantiate");
}
Graph::~Graph() = default;

void Graph::replay() {
  check(cudaGraphLaunch(handle_->graph, native(handle_->stream)), "cudaGraphLaunch");
}
std::size_t Graph::operations() const {
  return handle_->operations;
}
std::size_t Graph::bytes() const {
  return handle_->arena->bytes() + handle_->constant_arena->bytes();
}
bool is_recording(Cuda stream) {
  return recording_on(stream) != nullptr;
}

DeviceMemory memory_report() {
  const std::lock_guard lock(book().mutex);
  return {book().live, book().peak, book().bytes.size()};
}

}  // namespace heartbeat::cuda
