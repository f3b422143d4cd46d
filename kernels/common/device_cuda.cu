#include <cuda_runtime.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "kernels/common/device.h"

namespace heartbeat::cuda {
namespace {

void check(cudaError_t error, const char* call) {
  if (error != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(error));
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

std::string gigabytes(std::size_t bytes) {
  return std::to_string(bytes / 1000000000) + "." + std::to_string(bytes / 100000000 % 10) + " GB";
}

// The largest allocations say what to make smaller.
std::string out_of_memory(std::size_t wanted) {
  const std::lock_guard lock(book().mutex);
  std::vector<std::size_t> sizes;
  for (const auto& [pointer, bytes] : book().bytes) sizes.push_back(bytes);
  std::sort(sizes.rbegin(), sizes.rend());
  std::string largest;
  for (std::size_t k = 0; k < std::min<std::size_t>(sizes.size(), 3); ++k)
    largest += (k ? ", " : "") + gigabytes(sizes[k]);
  return "the GPU is out of memory: " + gigabytes(wanted) + " were asked for and " + gigabytes(book().live) +
         " are in use, the largest pieces " + (largest.empty() ? "none" : largest) +
         "; lower the batch size or the crop";
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
  check(cudaStreamSynchronize(native(stream)), "cudaStreamSynchronize");
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

void* allocate(Cuda stream, std::size_t bytes) {
  keep_freed_memory();
  void* pointer = nullptr;
  const cudaError_t error = cudaMallocAsync(&pointer, std::max<std::size_t>(bytes, 1), native(stream));
  if (error == cudaErrorMemoryAllocation) throw std::runtime_error(out_of_memory(bytes));
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
  check(cudaFreeAsync(pointer, native(stream)), "cudaFreeAsync");
}

void copy(Cuda stream, void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)), "cudaMemcpyAsync");
}
// From pageable memory the runtime has taken its own copy when the call returns.
void upload(Cuda stream, void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, native(stream)), "cudaMemcpyAsync");
}
void clear(Cuda stream, void* to, std::size_t bytes) {
  check(cudaMemsetAsync(to, 0, bytes, native(stream)), "cudaMemsetAsync");
}

DeviceMemory memory_report() {
  const std::lock_guard lock(book().mutex);
  return {book().live, book().peak, book().bytes.size()};
}

}  // namespace heartbeat::cuda
