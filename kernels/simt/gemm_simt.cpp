#include "kernels/common/gemm_cuda.h"
#include "kernels/simt/queue.h"

namespace heartbeat::cuda {

template <class T>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, T alpha, const T* a, long lda, const T* b,
          long ldb, T beta, T* c, long ldc) {
  if (m == 0 || n == 0) return;
  simt::enqueue(stream, [=] { blas::gemm<T>(a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc); });
}

template void gemm(Cuda, blas::Op, blas::Op, long, long, long, float, const float*, long, const float*, long, float,
                   float*, long);
template void gemm(Cuda, blas::Op, blas::Op, long, long, long, double, const double*, long, const double*, long, double,
                   double*, long);

}  // namespace heartbeat::cuda
