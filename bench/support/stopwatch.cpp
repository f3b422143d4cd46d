#include "bench/support/stopwatch.h"

#include <chrono>

#include "bench/support/bench.h"
#if HEARTBEAT_CUDA && !HEARTBEAT_SIMT
#include <cuda_runtime.h>
#endif

namespace heartbeat::bench {
namespace {

double seconds_on_host(const std::function<void()>& f, long repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (long k = 0; k < repeats; ++k) f();
#if HEARTBEAT_CUDA
  if (device() == Device::cuda) cuda::synchronize(cuda::compute_stream());
#endif
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

#if HEARTBEAT_CUDA && !HEARTBEAT_SIMT
namespace {

struct CudaEvent {
  CudaEvent() { cudaEventCreate(&event); }
  ~CudaEvent() { cudaEventDestroy(event); }
  cudaEvent_t event;
};

std::string version(int number) {  // 13020 is 13.2
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

}  // namespace

double seconds_of(const std::function<void()>& f, long repeats) {
  if (device() == Device::cpu) return seconds_on_host(f, repeats);
  const auto stream = reinterpret_cast<cudaStream_t>(cuda::compute_stream().stream);
  const CudaEvent start, stop;
  cudaEventRecord(start.event, stream);
  for (long k = 0; k < repeats; ++k) f();
  cudaEventRecord(stop.event, stream);
  cuda::synchronize(cuda::compute_stream());
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, start.event, stop.event);
  return milliseconds / 1e3;
}

std::string gpu_name() {
  cudaDeviceProp properties;
  return cudaGetDeviceProperties(&properties, 0) == cudaSuccess ? properties.name : "";
}
std::string gpu_software() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return "driver for CUDA " + version(driver) + ", runtime " + version(runtime);
}
#else
double seconds_of(const std::function<void()>& f, long repeats) {
  return seconds_on_host(f, repeats);
}
std::string gpu_name() {
  return device() == Device::cuda ? "emulator: its times say nothing of a GPU's" : "";
}
std::string gpu_software() {
  return "";
}
#endif

}  // namespace heartbeat::bench
