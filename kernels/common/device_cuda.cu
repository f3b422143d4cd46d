#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/common/device.h"
#include "kernels/common/launch.h"

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
void synchronize(Cuda stream) {
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
  cudaEvent_t event;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  handle_ = event;
  check(cudaEventRecord(event, native(on)), "cudaEventRecord");
}
Event::~Event() {
  cudaEventDestroy(static_cast<cudaEvent_t>(handle_));
}
void wait(Cuda stream, const Event& event) {
  check(cudaStreamWaitEvent(native(stream), static_cast<cudaEvent_t>(event.handle_)), "cudaStreamWaitEvent");
}

void synchronize(const Event& event) {
  check_done(cudaEventSynchronize(static_cast<cudaEvent_t>(event.handle_)));
}

void* allocate(Cuda stream, std::size_t bytes) {
  keep_freed_memory();
  void* pointer = nullptr;
  const auto ask = [&] { return cudaMallocAsync(&pointer, std::max<std::size_t>(bytes, 1), native(stream)); };
  cudaError_t error = ask();
  if (error == cudaErrorMemoryAllocation) {  // what is queued may still release some
    synchronize(stream);
    error = ask();
  }
  if (error == cudaErrorMemoryAllocation) throw OutOfMemory(bytes, live_sizes());
  check(error, "cudaMallocAsync");
  const std::lock_guard lock(book().mutex);
  book().bytes[pointer] = bytes;
  book().live += bytes;
  book().peak = std::max(book().peak, book().live);
  return pointer;
}
void release(Cuda stream, void* pointer) {
  {
    const std::lock_guard lock(book().mutex);
    const auto it = book().bytes.find(pointer);
    if (it == book().bytes.end()) throw std::invalid_argument("cuda::release: not a live device pointer");
    book().live -= it->second;
    book().bytes.erase(it);
  }
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
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)), "cudaMemcpyAsync");
}
// Of small pieces of pageable memory the runtime takes a copy of its own and returns; for larger ones it would wait for
// the stream.
void upload(Cuda stream, void* to, const void* from, std::size_t bytes) {
  constexpr std::size_t kSmall = 64 << 10;
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

DeviceMemory memory_report() {
  const std::lock_guard lock(book().mutex);
  return {book().live, book().peak, book().bytes.size()};
}

}  // namespace heartbeat::cuda
