#include "tests/simt/collectives.h"

#include "kernels/common/launch.h"
#include "kernels/common/mma.h"

namespace heartbeat::testing {
namespace {

__global__ void shuffles_and_votes(const int* x, int* y) {
  const int lane = threadIdx.x % kWarp, i = threadIdx.x;
  const int n = blockDim.x;
  y[i] = __shfl_sync(kFullWarp, x[i], lane + 1);         // wraps round
  y[n + i] = __shfl_down_sync(kFullWarp, x[i], 3);       // the last three keep their own
  y[2 * n + i] = __shfl_up_sync(kFullWarp, x[i], 3, 8);  // within eights
  y[3 * n + i] = __shfl_xor_sync(kFullWarp, x[i], 5);
  y[4 * n + i] = int(__ballot_sync(kFullWarp, x[i] % 2));
  y[5 * n + i] = __syncthreads_count(x[i] > 0);
  y[6 * n + i] = __all_sync(kFullWarp, x[i] > 0) * 2 + __any_sync(kFullWarp, x[i] > 0);
  y[7 * n + i] = __syncthreads_or(x[i] > 0) * 2 + __syncthreads_and(x[i] > 0);
}

// Half-warps add up apart from each other.
__global__ void half_warp_sums(const int* x, int* y) {
  const unsigned mask = threadIdx.x % kWarp < 16 ? 0xffffu : 0xffff0000u;
  int sum = x[threadIdx.x];
  if (threadIdx.x % kWarp < 16) {
    for (int offset = 8; offset; offset /= 2) sum += __shfl_xor_sync(mask, sum, offset);
  } else {
    for (int offset = 8; offset; offset /= 2) sum += __shfl_xor_sync(mask, sum, offset);
  }
  y[threadIdx.x] = sum;
}

__global__ void count_with_atomics(const int* x, long n, int* counts, int* largest) {
  __shared__ int block_counts[4];
  if (threadIdx.x < 4) block_counts[threadIdx.x] = 0;
  __syncthreads();
  for (long i = blockIdx.x * long(blockDim.x) + threadIdx.x; i < n; i += long(gridDim.x) * blockDim.x) {
    atomicAdd(&block_counts[x[i] & 3], 1);
    atomicMax(largest, x[i]);
  }
  __syncthreads();
  if (threadIdx.x < 4) atomicAdd(&counts[threadIdx.x], block_counts[threadIdx.x]);
}

// One warp: C [16, 8] = A B, with A and B in global memory, row-major.
__global__ void one_tf32_product(const float* a, const float* b, float* c) {
  const int lane = threadIdx.x;
  std::uint32_t fa[4], fb[2];
  float d[4] = {};
  for (int i = 0; i < 4; ++i) {
    const MmaPlace at = mma_tf32_place_a(lane, i);
    fa[i] = to_tf32(a[at.row * 8 + at.col]);
  }
  for (int i = 0; i < 2; ++i) {
    const MmaPlace at = mma_tf32_place_b(lane, i);
    fb[i] = to_tf32(b[at.row * 8 + at.col]);
  }
  mma_tf32(d, fa, fb);
  for (int i = 0; i < 4; ++i) {
    const MmaPlace at = mma_place_d(lane, i);
    c[at.row * 8 + at.col] = d[i];
  }
}

__global__ void one_bf16_product(const float* a, const float* b, float* c) {
  const int lane = threadIdx.x;
  std::uint32_t fa[4], fb[2];
  float d[4] = {};
  for (int i = 0; i < 4; ++i) {
    const MmaPlace low = mma_bf16_place_a(lane, 2 * i), high = mma_bf16_place_a(lane, 2 * i + 1);
    fa[i] = pack_bf16(a[low.row * 16 + low.col], a[high.row * 16 + high.col]);
  }
  for (int i = 0; i < 2; ++i) {
    const MmaPlace low = mma_bf16_place_b(lane, 2 * i), high = mma_bf16_place_b(lane, 2 * i + 1);
    fb[i] = pack_bf16(b[low.row * 8 + low.col], b[high.row * 8 + high.col]);
  }
  mma_bf16(d, fa, fb);
  for (int i = 0; i < 4; ++i) {
    const MmaPlace at = mma_place_d(lane, i);
    c[at.row * 8 + at.col] = d[i];
  }
}

}  // namespace

void run_shuffles_and_votes(Cuda cuda, const int* x, int* y, int threads) {
  launch<shuffles_and_votes>({.grid = 1, .block = unsigned(threads)}, cuda, x, y);
}
void run_half_warp_sums(Cuda cuda, const int* x, int* y, int threads) {
  launch<half_warp_sums>({.grid = 1, .block = unsigned(threads)}, cuda, x, y);
}
void run_count_with_atomics(Cuda cuda, const int* x, long n, int* counts, int* largest) {
  launch<count_with_atomics>({.grid = 3, .block = 64}, cuda, x, n, counts, largest);
}
void run_tf32_product(Cuda cuda, const float* a, const float* b, float* c) {
  launch<one_tf32_product>({.grid = 1, .block = kWarp}, cuda, a, b, c);
}
void run_bf16_product(Cuda cuda, const float* a, const float* b, float* c) {
  launch<one_bf16_product>({.grid = 1, .block = kWarp}, cuda, a, b, c);
}

}  // namespace heartbeat::testing
