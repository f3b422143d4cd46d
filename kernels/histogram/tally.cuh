// The heartbeat on a GPU: a block counts and adds what its threads see of one quantity.
#pragma once

#include "kernels/common/device_code.cuh"
#include "kernels/histogram/histogram.h"

namespace heartbeat::kernels {

inline constexpr int kTallyThreads = 256;

// Of one thread, over the finite values it saw.
struct ThreadSums {
  double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, magnitudes = 0;
};

// Of one block: in shared memory. Counters of a chunk fit 32 bits.
struct BlockTally {
  unsigned counts[kBins];
  double warps[kTallyThreads / kWarp][5];  // low, high, sum, squares, magnitudes

  __device__ void clear() {
    for (int b = threadIdx.x; b < kBins; b += kTallyThreads) counts[b] = 0;
  }
  template <class T>
  __device__ void add(T x, ThreadSums& mine) {
    const int bin = bin_of(x);
    atomicAdd(&counts[bin], 1u);
    if (bin >= kNanBin) return;
    const double v = double(x);
    mine.low = v < mine.low ? v : mine.low;
    mine.high = v > mine.high ? v : mine.high;
    mine.sum += v;
    mine.squares += v * v;
    mine.magnitudes += v < 0 ? -v : v;
  }
  // Overwrites out. All threads of the block call together.
  __device__ void store(const ThreadSums& mine, TensorStats& out) {
    double low = mine.low, high = mine.high;
    for (int offset = kWarp / 2; offset; offset /= 2) {
      const double other_low = __shfl_xor_sync(kFullWarp, low, offset);
      const double other_high = __shfl_xor_sync(kFullWarp, high, offset);
      low = other_low < low ? other_low : low;
      high = other_high > high ? other_high : high;
    }
    const double sum = warp_sum(mine.sum), squares = warp_sum(mine.squares), magnitudes = warp_sum(mine.magnitudes);
    if (threadIdx.x % kWarp == 0) {
      double* to = warps[threadIdx.x / kWarp];
      to[0] = low;
      to[1] = high;
      to[2] = sum;
      to[3] = squares;
      to[4] = magnitudes;
    }
    __syncthreads();  // counts and sums of the whole block are there
    for (int b = threadIdx.x; b < kBins; b += kTallyThreads) out.bins[b] = counts[b];
    if (threadIdx.x) return;
    ThreadSums all;
    for (const auto& w : warps) {
      all.low = w[0] < all.low ? w[0] : all.low;
      all.high = w[1] > all.high ? w[1] : all.high;
      all.sum += w[2];
      all.squares += w[3];
      all.magnitudes += w[4];
    }
    out.min = all.low <= all.high ? all.low : 0;
    out.max = all.low <= all.high ? all.high : 0;
    out.sum = all.sum;
    out.sum_of_squares = all.squares;
    out.abs_sum = all.magnitudes;
  }
};

// The chunk table in device memory, for the duration of one op.
struct DeviceChunks {
  DeviceChunks(Cuda cuda, const ChunkTable& table)
      : chunks(cuda, table.chunks.data(), long(table.chunks.size())), starts(cuda, table.tensors + 1) {
    std::vector<long> first;
    for (long k = 0; k < long(table.chunks.size()); ++k)
      if (table.chunks[k].first == 0) first.push_back(k);
    first.push_back(long(table.chunks.size()));
    cuda::upload(cuda, starts.data(), first.data(), first.size() * sizeof(long));
  }
  cuda::Scratch<Chunk> chunks;
  cuda::Scratch<long> starts;  // [tensors + 1]: the first chunk of each
};

// stats[t] = the chunks of tensor t, merged in their order. watched(t) says which tensors. One block for each.
template <class Watched>
__global__ void __launch_bounds__(kTallyThreads)
    merge_chunks(const TensorStats* of_chunk, const long* starts, TensorStats* stats, Watched watched) {
  const long t = blockIdx.x, first = starts[t], last = starts[t + 1];
  if (!watched(t)) return;
  TensorStats& to = stats[t];
  for (int b = threadIdx.x; b < kBins; b += kTallyThreads) {
    std::uint64_t count = 0;
    for (long k = first; k < last; ++k) count += of_chunk[k].bins[b];
    to.bins[b] = count;
  }
  if (threadIdx.x) return;
  bool any = false;
  double low = 0, high = 0, sum = 0, squares = 0, magnitudes = 0;
  for (long k = first; k < last; ++k) {
    const TensorStats& from = of_chunk[k];
    if (from.finite() == 0) continue;
    low = any && low < from.min ? low : from.min;
    high = any && high > from.max ? high : from.max;
    sum += from.sum;
    squares += from.sum_of_squares;
    magnitudes += from.abs_sum;
    any = true;
  }
  to.min = low;
  to.max = high;
  to.sum = sum;
  to.sum_of_squares = squares;
  to.abs_sum = magnitudes;
}

}  // namespace heartbeat::kernels
