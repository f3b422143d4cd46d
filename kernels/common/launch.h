// The only switch between the two compilers of a .cu file: nvcc and a real launch, or the host's compiler and the
// emulator (kernels/simt/simt.md). Kernels are written once, in plain CUDA.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kernels/common/base.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "kernels/simt/device_functions.h"
#include "kernels/simt/queue.h"
#endif

namespace heartbeat {

inline constexpr int kWarp = 32;
inline constexpr unsigned kFullWarp = 0xffffffffu;
inline constexpr int kThreads = 256;  // of a block that wants nothing special: eight warps, at full occupancy

struct LaunchConfig {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic
};

// Blocks that cover n elements, or as many as a grid's x can have: kernels stride over the rest.
inline unsigned blocks_for(long n, long per_block) {
  return unsigned(std::min((n + per_block - 1) / per_block, 0x7fffffffL));
}

namespace detail {
// "[100, 32], 7": what a failure says of a kernel's arguments. Pointers and functions say nothing.
template <class... Arguments>
std::string shapes_of(const Arguments&... arguments) {
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  [[maybe_unused]] const auto describe = [&add]<class A>(const A& a) {
    if constexpr (requires { a.rows, a.cols; })
      add("[" + std::to_string(a.rows) + ", " + std::to_string(a.cols) + "]");
    else if constexpr (requires { a.pairs, a.residues; })
      add(std::to_string(a.pairs) + " pairs of " + std::to_string(a.residues) + " residues");
    else if constexpr (std::is_arithmetic_v<A>)
      add(std::to_string(a));
  };
  (describe(arguments), ...);
  return out.empty() ? "" : " with " + out;
}
}  // namespace detail

#if defined(__CUDACC__)

namespace cuda {
// Whether every launch waits for its kernel, so that a failure is the failing kernel's: $HEARTBEAT_CUDA_BLOCKING is
// set.
bool is_blocking();
}  // namespace cuda

// launch<kernel>({...}, cuda, arguments...). An empty grid launches nothing.
template <auto Kernel, class... Arguments>
void launch(const LaunchConfig& config, Cuda cuda, const Arguments&... arguments) {
  if (!config.grid.x || !config.grid.y || !config.grid.z) return;
  cudaLaunchConfig_t native{};
  native.gridDim = config.grid;
  native.blockDim = config.block;
  native.dynamicSmemBytes = config.shared_bytes;
  native.stream = reinterpret_cast<cudaStream_t>(cuda.stream);
  cudaError_t error = cudaLaunchKernelEx(&native, Kernel, arguments...);
  if (error == cudaSuccess && cuda::is_blocking()) error = cudaStreamSynchronize(native.stream);
  if (error == cudaSuccess) return;
  std::string_view name = __PRETTY_FUNCTION__;  // "... [with auto Kernel = ...; Arguments = ...]"
  if (const auto begin = name.find("Kernel = "); begin != name.npos) name.remove_prefix(begin + 9);
  throw std::runtime_error("the kernel " + std::string(name.substr(0, name.find("; Arguments"))) +
                           detail::shapes_of(arguments...) + " failed: " + cudaGetErrorString(error));
}

// Instead of extern __shared__, which a host compiler cannot have.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char heartbeat_dynamic_shared[];
  return reinterpret_cast<T*>(heartbeat_dynamic_shared);
}

#else

template <auto Kernel, class... Arguments>
void launch(const LaunchConfig& config, Cuda cuda, const Arguments&... arguments) {
  if (!config.grid.x || !config.grid.y || !config.grid.z) return;
  // By value, like a real launch: the arguments are taken now and used when the stream gets there.
  simt::enqueue(cuda, [shape = simt::LaunchShape{config.grid, config.block, config.shared_bytes}, arguments...] {
    try {
      simt::launch<Kernel>(Kernel, shape, arguments...);
    } catch (const simt::KernelError& e) {
      throw simt::KernelError(e.what() + std::string("; launched") + detail::shapes_of(arguments...));
    }
  });
}

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(simt::dynamic_shared());
}

#endif

}  // namespace heartbeat
