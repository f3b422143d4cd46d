#include "bench/ceilings/ceilings.h"

#include "kernels/common/launch.h"
#if defined(__CUDACC__)
#include <cublas_v2.h>
#endif

namespace heartbeat::bench::ceilings {
namespace {

__global__ void copy_kernel(const float4* from, float4* to, long n) {
  const long stride = long(gridDim.x) * blockDim.x;
  for (long k = long(blockIdx.x) * blockDim.x + threadIdx.x; k < n; k += stride) to[k] = from[k];
}

__global__ void read_kernel(const float4* from, long n, float* out) {
  const long stride = long(gridDim.x) * blockDim.x;
  float sum = 0;
  for (long k = long(blockIdx.x) * blockDim.x + threadIdx.x; k < n; k += stride) {
    const float4 v = from[k];
    sum += v.x + v.y + v.z + v.w;
  }
  if (sum == 1e30f || threadIdx.x == 0) out[blockIdx.x] = sum;
}

// A lane holds width / 32 neighbours of a row, so that a warp reads a row at once.
template <int kEach>
__global__ void gather_kernel(const float* table, const int* ids, long rows, float* y) {
  const long warps = long(gridDim.x) * blockDim.x / kWarp;
  const int lane = int(threadIdx.x % kWarp);
  for (long r = (long(blockIdx.x) * blockDim.x + threadIdx.x) / kWarp; r < rows; r += warps) {
    const float* from = table + long(ids[r]) * kEach * kWarp + lane * kEach;
    float* to = y + r * kEach * kWarp + lane * kEach;
    for (int k = 0; k < kEach; ++k) to[k] = from[k];
  }
}

__global__ void shared_atomics_kernel(long each, int distinct, unsigned* counts) {
  __shared__ unsigned bins[256];
  for (int k = int(threadIdx.x); k < 256; k += int(blockDim.x)) bins[k] = 0;
  __syncthreads();
  unsigned bin = threadIdx.x;
  for (long k = 0; k < each; ++k) {
    atomicAdd(&bins[bin % unsigned(distinct)], 1u);
    bin += 37;
  }
  __syncthreads();
  for (int k = int(threadIdx.x); k < 256; k += int(blockDim.x)) counts[blockIdx.x * 256 + k] = bins[k];
}

__global__ void nothing_kernel() {}

}  // namespace

void copy(Cuda cuda, const float* from, float* to, long n) {
  launch<copy_kernel>({blocks_for(n / 4, 4 * kThreads), kThreads}, cuda, reinterpret_cast<const float4*>(from),
                      reinterpret_cast<float4*>(to), n / 4);
}

void read(Cuda cuda, const float* from, long n, float* out) {
  launch<read_kernel>({unsigned(kReadBlocks), kThreads}, cuda, reinterpret_cast<const float4*>(from), n / 4, out);
}

void gather(Cuda cuda, const float* table, const int* ids, long rows, long width, float* y) {
  const LaunchConfig config{blocks_for(rows, 4 * kThreads / kWarp), kThreads};
  if (width == 64)
    launch<gather_kernel<2>>(config, cuda, table, ids, rows, y);
  else
    launch<gather_kernel<4>>(config, cuda, table, ids, rows, y);
}

void shared_atomics(Cuda cuda, long n, int distinct, unsigned* counts) {
  launch<shared_atomics_kernel>({unsigned(kReadBlocks), kThreads}, cuda, n / (kReadBlocks * kThreads), distinct,
                                counts);
}

void nothing(Cuda cuda) {
  launch<nothing_kernel>({1, kWarp}, cuda);
}

#if defined(__CUDACC__)
bool gemm(Cuda cuda, Precision precision, long side, const void* a, const void* b, float* c) {
  static const cublasHandle_t handle = [] {
    cublasHandle_t h = nullptr;
    cublasCreate(&h);
    return h;
  }();
  cublasSetStream(handle, reinterpret_cast<cudaStream_t>(cuda.stream));
  const float one = 1, zero = 0;
  const int n = int(side);
  const cudaDataType_t type = precision == Precision::bf16 ? CUDA_R_16BF : CUDA_R_32F;
  const cublasComputeType_t compute = precision == Precision::f32    ? CUBLAS_COMPUTE_32F_PEDANTIC
                                      : precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                     : CUBLAS_COMPUTE_32F;
  return cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one, b, type, n, a, type, n, &zero, c, CUDA_R_32F, n,
                      compute, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS;
}

double seconds_in_graph(Cuda cuda, int count) {
  const auto stream = reinterpret_cast<cudaStream_t>(cuda.stream);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return 0;
  for (int k = 0; k < count; ++k) nothing_kernel<<<1, kWarp, 0, stream>>>();
  if (cudaStreamEndCapture(stream, &graph) != cudaSuccess) return 0;
  if (cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess) return 0;
  cudaEvent_t start, stop;
  cudaEventCreate(&start);
  cudaEventCreate(&stop);
  cudaGraphLaunch(executable, stream);
  cudaEventRecord(start, stream);
  cudaGraphLaunch(executable, stream);
  cudaEventRecord(stop, stream);
  cudaEventSynchronize(stop);
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, start, stop);
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  return milliseconds / 1e3 / count;
}
#else
bool gemm(Cuda, Precision, long, const void*, const void*, float*) {
  return false;
}
double seconds_in_graph(Cuda, int) {
  return 0;
}
#endif

}  // namespace heartbeat::bench::ceilings
