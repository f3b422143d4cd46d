// A matrix product whose operands are functions: gathers, products of rows and sums of taps are read where they are,
// never written out as a matrix first. Sums run in the order of k: they repeat to the bit.
#pragma once

#include "kernels/common/device_code.cuh"
#include "kernels/common/mma.h"

namespace heartbeat {

// A block owns kTileM x kTileN sums, a thread 4 x 4 of them in registers; both operands go through shared memory, 16
// steps of k at a time.
inline constexpr int kTileM = 64, kTileN = 32, kTileK = 16, kTileThreads = 128, kOwn = 4;
// Four blocks on a multiprocessor leave a thread 128 registers. Without that word ptxas stops at 64 and spills a few.
inline constexpr int kTileBlocks = 4;

// Along which index neighbouring elements of the left operand lie next to each other in memory.
enum class Runs { along_k, along_rows };

// out(i, j, chunk, sum of a(i, k) b(k, j) over the k of a chunk), for i < m, j < n.
template <Runs kRuns, class T, class A, class B, class Out>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks)
    tile_product_kernel(long m, long n, long k, long chunk, A a, B b, Out out) {
  __shared__ T left[kTileK][kTileM + 4], right[kTileK][kTileN + 4];
  const int t = threadIdx.x, own_i = t / (kTileN / kOwn) * kOwn, own_j = t % (kTileN / kOwn) * kOwn;
  const long first_i = long(blockIdx.x) * kTileM, first_j = long(blockIdx.y) * kTileN;
  const long begin = blockIdx.z * chunk, end = min(k, begin + chunk);

  T sum[kOwn][kOwn] = {};
  for (long step = begin; step < end; step += kTileK) {
    for (int e = t; e < kTileM * kTileK; e += kTileThreads) {
      const int row = kRuns == Runs::along_k ? e / kTileK : e % kTileM,
                at = kRuns == Runs::along_k ? e % kTileK : e / kTileM;
      const bool inside = first_i + row < m && step + at < end;
      left[at][row] = inside ? a(first_i + row, step + at) : T(0);
    }
    for (int e = t; e < kTileK * kTileN; e += kTileThreads) {
      const int at = e / kTileN, column = e % kTileN;
      const bool inside = first_j + column < n && step + at < end;
      right[at][column] = inside ? b(step + at, first_j + column) : T(0);
    }
    __syncthreads();  // the tiles are complete
    for (int at = 0; at < kTileK && step + at < end; ++at) {
      T from_left[kOwn], from_right[kOwn];
      for (int r = 0; r < kOwn; ++r) from_left[r] = left[at][own_i + r];
      for (int c = 0; c < kOwn; ++c) from_right[c] = right[at][own_j + c];
      for (int r = 0; r < kOwn; ++r)
        for (int c = 0; c < kOwn; ++c) sum[r][c] += from_left[r] * from_right[c];
    }
    __syncthreads();  // nobody reads them any more
  }
  for (int r = 0; r < kOwn; ++r)
    for (int c = 0; c < kOwn; ++c) {
      const long i = first_i + own_i + r, j = first_j + own_j + c;
      if (i < m && j < n) out(i, j, long(blockIdx.z), sum[r][c]);
    }
}

// The same for f32 on tensor cores: operands are rounded to tf32, sums stay f32. A warp owns 16 x kTileN of them, and
// the padding of the tiles spreads the words of a fragment over all banks.
template <Runs kRuns, class A, class B, class Out>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks)
    tile_product_tf32_kernel(long m, long n, long k, long chunk, A a, B b, Out out) {
  __shared__ std::uint32_t left[kTileK][kTileM + 8], right[kTileK][kTileN + 8];
  const int t = threadIdx.x, lane = t % kWarp, own_i = t / kWarp * 16;
  const long first_i = long(blockIdx.x) * kTileM, first_j = long(blockIdx.y) * kTileN;
  const long begin = blockIdx.z * chunk, end = min(k, begin + chunk);

  float sum[kTileN / 8][4] = {};
  for (long step = begin; step < end; step += kTileK) {
    for (int e = t; e < kTileM * kTileK; e += kTileThreads) {
      const int row = kRuns == Runs::along_k ? e / kTileK : e % kTileM,
                at = kRuns == Runs::along_k ? e % kTileK : e / kTileM;
      const bool inside = first_i + row < m && step + at < end;
      left[at][row] = inside ? to_tf32(a(first_i + row, step + at)) : 0;
    }
    for (int e = t; e < kTileK * kTileN; e += kTileThreads) {
      const int at = e / kTileN, column = e % kTileN;
      const bool inside = first_j + column < n && step + at < end;
      right[at][column] = inside ? to_tf32(b(step + at, first_j + column)) : 0;
    }
    __syncthreads();  // the tiles are complete
    for (int at = 0; at < kTileK; at += 8) {
      std::uint32_t from_left[4], from_right[2];
      for (int i = 0; i < 4; ++i) {
        const MmaPlace place = mma_tf32_place_a(lane, i);
        from_left[i] = left[at + place.col][own_i + place.row];
      }
      for (int j = 0; j < kTileN / 8; ++j) {
        for (int i = 0; i < 2; ++i) {
          const MmaPlace place = mma_tf32_place_b(lane, i);
          from_right[i] = right[at + place.row][8 * j + place.col];
        }
        mma_tf32(sum[j], from_left, from_right);
      }
    }
    __syncthreads();  // nobody reads them any more
  }
  for (int j = 0; j < kTileN / 8; ++j)
    for (int i = 0; i < 4; ++i) {
      const MmaPlace place = mma_place_d(lane, i);
      const long row = first_i + own_i + place.row, column = first_j + 8 * j + place.col;
      if (row < m && column < n) out(row, column, long(blockIdx.z), sum[j][i]);
    }
}

template <class T, Runs kRuns, class A, class B, class Out>
void launch_tiles(const LaunchConfig& config, Cuda cuda, long m, long n, long k, long chunk, A a, B b, Out out) {
  if constexpr (std::is_same_v<T, float>)
    if (cuda.tf32) return launch<tile_product_tf32_kernel<kRuns, A, B, Out>>(config, cuda, m, n, k, chunk, a, b, out);
  launch<tile_product_kernel<kRuns, T, A, B, Out>>(config, cuda, m, n, k, chunk, a, b, out);
}

template <class T, Runs kRuns = Runs::along_k, class A, class B, class Out>
void tile_product(Cuda cuda, long m, long n, long k, A a, B b, Out out) {
  if (!m || !n) return;
  launch_tiles<T, kRuns>({.grid = {blocks_for(m, kTileM), blocks_for(n, kTileN)}, .block = kTileThreads}, cuda, m, n, k,
                         k, a, b, out);
}

// The same with few sums and many k, as gradients of weights have them: k is cut into chunks that depend on k alone,
// and the sums of the chunks are added in order. finish(i, j, sum) takes the result.
template <class T, Runs kRuns = Runs::along_rows, class A, class B, class Finish>
void long_product(Cuda cuda, long m, long n, long k, A a, B b, Finish finish) {
  if (!m || !n || !k) return;
  const long chunk = std::max(1024L, (k + 63) / 64), chunks = (k + chunk - 1) / chunk;
  const cuda::Scratch<T> partial(cuda, chunks * m * n);
  T* const sums = partial.data();
  const auto out = [=] __device__(long i, long j, long c, T sum) { sums[(c * m + i) * n + j] = sum; };
  launch_tiles<T, kRuns>(
      {.grid = {blocks_for(m, kTileM), blocks_for(n, kTileN), unsigned(chunks)}, .block = kTileThreads}, cuda, m, n, k,
      chunk, a, b, out);
  for_each(cuda, m * n, [=] __device__(long e) {
    T sum = 0;
    for (long c = 0; c < chunks; ++c) sum += sums[c * m * n + e];
    finish(e / n, e % n, sum);
  });
}

}  // namespace heartbeat
