#include "kernels/common/gemm_cuda.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace heartbeat::cuda {
namespace {

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(std::string(call) + ": " + cublasGetStatusString(status));
}

// What NVIDIA advises for sm_90; older GPUs need an eighth of it.
constexpr std::size_t kWorkspace = std::size_t{32} << 20;

// One handle for each thread: a handle works for one stream at a time. Never destroyed, like the context. Its workspace
// is ours: cuBLAS's own would become a part of a graph that is recorded, and might be of another size there, which may
// choose another algorithm and other last bits.
cublasHandle_t handle_on(Cuda stream) {
  thread_local cublasHandle_t handle = nullptr;
  thread_local void* workspace = nullptr;
  thread_local StreamHandle* of = nullptr;
  if (handle && of == stream.stream) return handle;
  if (!handle) {
    check(cublasCreate(&handle), "cublasCreate");
    if (cudaMalloc(&workspace, kWorkspace) != cudaSuccess)
      throw std::runtime_error("the GPU has no 32 MB left for cuBLAS's workspace");
  } else {
    cudaDeviceSynchronize();  // the other stream may still use the workspace
  }
  check(cublasSetStream(handle, reinterpret_cast<cudaStream_t>(stream.stream)), "cublasSetStream");
  check(cublasSetWorkspace(handle, workspace, kWorkspace), "cublasSetWorkspace");  // which cublasSetStream forgets
  of = stream.stream;
  return handle;
}

cublasOperation_t flag(blas::Op op) {
  return op == blas::Op::none ? CUBLAS_OP_N : CUBLAS_OP_T;
}

}  // namespace

// cuBLAS stores columns: our C is its C^T = op(B)^T op(A)^T, which swaps the operands and nothing else.
template <>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, float alpha, const float* a, long lda,
          const float* b, long ldb, float beta, float* c, long ldc) {
  if (m == 0 || n == 0) return;
  const cublasHandle_t handle = handle_on(stream);
  check(cublasSetMathMode(handle, stream.tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  check(cublasSgemm_64(handle, flag(b_op), flag(a_op), n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc), "cublasSgemm");
}
template <>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, double alpha, const double* a, long lda,
          const double* b, long ldb, double beta, double* c, long ldc) {
  if (m == 0 || n == 0) return;
  check(cublasDgemm_64(handle_on(stream), flag(b_op), flag(a_op), n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc),
        "cublasDgemm");
}

}  // namespace heartbeat::cuda
