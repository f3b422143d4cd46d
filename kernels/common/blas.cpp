#include "kernels/common/blas.h"

#include <cblas.h>

namespace heartbeat::blas {
namespace {

// OpenBLAS starts threads of its own unless told not to, before its first product.
[[maybe_unused]] const bool single_threaded = [] {
  openblas_set_num_threads(1);
  return true;
}();

CBLAS_TRANSPOSE flag(Op op) {
  return op == Op::none ? CblasNoTrans : CblasTrans;
}

}  // namespace

template <>
void gemm(Op a_op, Op b_op, long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
          float beta, float* c, long ldc) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, flag(a_op), flag(b_op), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

template <>
void gemm(Op a_op, Op b_op, long m, long n, long k, double alpha, const double* a, long lda, const double* b, long ldb,
          double beta, double* c, long ldc) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, flag(a_op), flag(b_op), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

const char* core_name() {
  return openblas_get_corename();
}

}  // namespace heartbeat::blas
