// Each kernel has one deliberate bug; bug_test.cpp shows which build notices it.
#include "kernels/common/launch.h"
#include "tests/simt/buggy.h"

namespace heartbeat::buggy {
namespace {

__global__ void global_overrun_kernel(float* y, std::size_t n) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i <= n) y[i] = 1.0f;  // should be <
}

__global__ void shared_overrun_kernel(float* y) {
  __shared__ float tile[64];
  float* raw = tile;                          // hides the array type from -fsanitize=bounds
  raw[threadIdx.x + 1] = float(threadIdx.x);  // last thread writes tile[64]
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x == 0 ? 1 : threadIdx.x];
}

__global__ void dynamic_shared_overrun_kernel(float* y) {
  float* tile = dynamic_shared<float>();
  tile[threadIdx.x + 1] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x == 0 ? 1 : threadIdx.x];
}

__global__ void missing_barrier_kernel(float* y, const float* x) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  // __syncthreads() is missing
  y[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void missing_second_barrier_kernel(float* y, const float* x) {
  __shared__ float tile[64];
  float sum = 0.0f;
  for (int step = 0; step < 4; ++step) {
    tile[threadIdx.x] = x[threadIdx.x] + float(step);
    __syncthreads();
    sum += tile[(threadIdx.x + 33) % 64];
    // __syncthreads() is missing before the next write
  }
  y[threadIdx.x] = sum;
}

__global__ void divergent_barrier_kernel(Matrix<float> y) {
  if (threadIdx.x < 32) {
    __syncthreads();
    y.data[threadIdx.x] = 1.0f;
  }
}

__global__ void two_barriers_kernel(float* y) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1.0f;
}

__global__ void wrong_mask_kernel(float* y) {
  float value = float(threadIdx.x);
  if (threadIdx.x % 32 < 16) value += __shfl_down_sync(0xffffffffu, value, 8);  // lanes 16.. never come
  y[threadIdx.x] = value;
}

__global__ void foreign_lane_kernel(float* y) {
  float value = float(threadIdx.x);
  if (threadIdx.x % 32 < 16) value = __shfl_sync(0x0000ffffu, value, 20);  // reads a lane outside the mask
  y[threadIdx.x] = value;
}

__global__ void partial_warp_kernel(float* y) {  // launched with 48 threads
  y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, float(threadIdx.x), 1);
}

__global__ void uninitialised_shared_kernel(float* y) {
  __shared__ float tile[64];
  if (threadIdx.x != 7) tile[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

__global__ void uninitialised_dynamic_kernel(float* y) {
  float* tile = dynamic_shared<float>();
  if (threadIdx.x != 7) tile[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

__global__ void missing_atomic_kernel(float* total) {
  *total += 1.0f;
}

__global__ void missing_shared_atomic_kernel(float* y) {
  __shared__ unsigned count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  count += 1;
  __syncthreads();
  y[threadIdx.x] = float(count);
}

__global__ void warp_race_kernel(float* y) {  // old "warp-synchronous" style: no __syncwarp
  __shared__ float tile[64];
  tile[threadIdx.x] = float(threadIdx.x);
  y[threadIdx.x] = tile[threadIdx.x ^ 1];
}

__global__ void misaligned_kernel(float* y) {
  *reinterpret_cast<float4*>(y + 1 + 4 * threadIdx.x) = make_float4(1, 2, 3, 4);
}

__global__ void host_pointer_kernel(float* y, const float* host) {
  y[threadIdx.x] = host[threadIdx.x];
}

__global__ void stack_hog_kernel(float* y) {
  float local[64 * 1024];
  for (int i = 0; i < 64 * 1024; ++i) local[i] = y[i % 64];
  y[threadIdx.x] = local[threadIdx.x * 3];
}

}  // namespace

void global_overrun(Cuda cuda, float* y, std::size_t n) {
  launch<global_overrun_kernel>({.grid = unsigned(n / 64 + 1), .block = 64}, cuda, y, n);
}
void shared_overrun(Cuda cuda, float* y) {
  launch<shared_overrun_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void dynamic_shared_overrun(Cuda cuda, float* y) {
  launch<dynamic_shared_overrun_kernel>({.grid = 1, .block = 64, .shared_bytes = 64 * 4}, cuda, y);
}
void missing_barrier(Cuda cuda, float* y, const float* x) {
  launch<missing_barrier_kernel>({.grid = 1, .block = 64}, cuda, y, x);
}
void missing_second_barrier(Cuda cuda, float* y, const float* x) {
  launch<missing_second_barrier_kernel>({.grid = 1, .block = 64}, cuda, y, x);
}
void divergent_barrier(Cuda cuda, float* y) {
  launch<divergent_barrier_kernel>({.grid = 2, .block = 64}, cuda, Matrix<float>{y, 2, 32});
}
void two_barriers(Cuda cuda, float* y) {
  launch<two_barriers_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void wrong_mask(Cuda cuda, float* y) {
  launch<wrong_mask_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void foreign_lane(Cuda cuda, float* y) {
  launch<foreign_lane_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void partial_warp(Cuda cuda, float* y) {
  launch<partial_warp_kernel>({.grid = 1, .block = 48}, cuda, y);
}
void uninitialised_shared(Cuda cuda, float* y) {
  launch<uninitialised_shared_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void uninitialised_dynamic(Cuda cuda, float* y) {
  launch<uninitialised_dynamic_kernel>({.grid = 1, .block = 64, .shared_bytes = 64 * 4}, cuda, y);
}
void missing_atomic(Cuda cuda, float* total) {
  launch<missing_atomic_kernel>({.grid = 4, .block = 64}, cuda, total);
}
void missing_shared_atomic(Cuda cuda, float* y) {
  launch<missing_shared_atomic_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void warp_race(Cuda cuda, float* y) {
  launch<warp_race_kernel>({.grid = 1, .block = 64}, cuda, y);
}
void misaligned(Cuda cuda, float* y) {
  launch<misaligned_kernel>({.grid = 1, .block = 4}, cuda, y);
}
void host_pointer(Cuda cuda, float* y, const float* host) {
  launch<host_pointer_kernel>({.grid = 1, .block = 64}, cuda, y, host);
}
void stack_hog(Cuda cuda, float* y) {
  launch<stack_hog_kernel>({.grid = 1, .block = 64}, cuda, y);
}

}  // namespace heartbeat::buggy
