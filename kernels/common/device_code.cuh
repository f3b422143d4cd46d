// What CUDA kernels share: loops over a grid, sums over a warp and a block, wide loads.
#pragma once

#include "kernels/common/device.h"
#include "kernels/common/launch.h"

namespace heartbeat {

// 16 bytes of T: what a thread loads at best.
template <class T>
struct alignas(16) Pack {
  static constexpr int kSize = 16 / sizeof(T);
  T at[kSize];
};
template <class T>
bool is_aligned(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % sizeof(Pack<T>) == 0;
}

// Index of the thread in the grid, and threads of the grid.
__device__ inline long grid_thread() {
  return long(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline long grid_threads() {
  return long(gridDim.x) * blockDim.x;
}

// The sum over a warp, in a fixed tree: every lane gets the same bits.
template <class T>
__device__ T warp_sum(T value) {
  for (int offset = kWarp / 2; offset; offset /= 2) value += __shfl_xor_sync(kFullWarp, value, offset);
  return value;
}

// The sum over a block of kThreads, in a fixed tree: thread 0 gets it.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T sums[kThreads / kWarp];
  __syncthreads();  // nobody reads an earlier sum any more
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  __syncthreads();  // thread 0 reads what all warps have written
  T total = 0;
  if (threadIdx.x == 0)
    for (T s : sums) total += s;
  return total;
}

// finish(sum of terms [n]), by one block: strided sums of its threads, then the tree.
template <class Finish>
__global__ void __launch_bounds__(kThreads) sum_of_terms(const double* terms, long n, Finish finish) {
  double sum = 0;
  for (long k = threadIdx.x; k < n; k += kThreads) sum += terms[k];
  sum = block_sum(sum);
  if (threadIdx.x == 0) finish(sum);
}
template <class Finish>
void sum_terms(Cuda cuda, const double* terms, long n, Finish finish) {
  launch<sum_of_terms<Finish>>({.grid = 1, .block = kThreads}, cuda, terms, n, finish);
}

// f(k) for every k in [0, n).
template <class F>
__global__ void __launch_bounds__(kThreads) for_each_index(long n, F f) {
  for (long k = grid_thread(); k < n; k += grid_threads()) f(k);
}
template <class F>
void for_each(Cuda cuda, long n, F f) {
  launch<for_each_index<F>>({.grid = blocks_for(n, kThreads), .block = kThreads}, cuda, n, f);
}

// y[j] += the sum over chunks k of partial[k * width + j], in the order of the chunks.
template <class T>
void add_chunks(Cuda cuda, const T* partial, long chunks, long width, T* y) {
  for_each(cuda, width, [=] __device__(long j) {
    T sum = 0;
    for (long k = 0; k < chunks; ++k) sum += partial[k * width + j];
    y[j] += sum;
  });
}

}  // namespace heartbeat
