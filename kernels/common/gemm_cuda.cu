#include "kernels/common/gemm_cuda.h"

#include <cublas_v2.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace heartbeat::cuda {
namespace {

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(std::string(call) + ": " + cublasGetStatusString(status));
}

// One handle for each thread: a handle works for one stream at a time. Never destroyed, like the context.
cublasHandle_t handle_on(Cuda stream) {
  thread_local const cublasHandle_t handle = [] {
    cublasHandle_t created;
    check(cublasCreate(&created), "cublasCreate");
    return created;
  }();
  check(cublasSetStream(handle, reinterpret_cast<cudaStream_t>(stream.stream)), "cublasSetStream");
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
  check(cublasSgemm_64(handle_on(stream), flag(b_op), flag(a_op), n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc),
        "cublasSgemm");
}
template <>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, double alpha, const double* a, long lda,
          const double* b, long ldb, double beta, double* c, long ldc) {
  if (m == 0 || n == 0) return;
  check(cublasDgemm_64(handle_on(stream), flag(b_op), flag(a_op), n, m, k, &alpha, b, ldb, a, lda, &beta, c, ldc),
        "cublasDgemm");
}

}  // namespace heartbeat::cuda
