#include <vector>

#include "kernels/common/gemm_cuda.h"
#include "kernels/common/mma.h"
#include "kernels/simt/queue.h"

namespace heartbeat::cuda {
namespace {

// rows x cols of a matrix, as tensor cores would take them.
std::vector<float> as_tf32(const float* from, long rows, long cols, long stride) {
  std::vector<float> out(rows * stride);
  for (long i = 0; i < rows; ++i)
    for (long j = 0; j < cols; ++j) out[i * stride + j] = std::bit_cast<float>(to_tf32(from[i * stride + j]));
  return out;
}

}  // namespace

template <class T>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, T alpha, const T* a, long lda, const T* b,
          long ldb, T beta, T* c, long ldc) {
  if (m == 0 || n == 0) return;
  simt::enqueue(stream, [=] {
    if constexpr (std::is_same_v<T, float>)
      if (stream.tf32) {
        const auto rounded_a = a_op == blas::Op::none ? as_tf32(a, m, k, lda) : as_tf32(a, k, m, lda);
        const auto rounded_b = b_op == blas::Op::none ? as_tf32(b, k, n, ldb) : as_tf32(b, n, k, ldb);
        return blas::gemm<T>(a_op, b_op, m, n, k, alpha, rounded_a.data(), lda, rounded_b.data(), ldb, beta, c, ldc);
      }
    blas::gemm<T>(a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  });
}

template void gemm(Cuda, blas::Op, blas::Op, long, long, long, float, const float*, long, const float*, long, float,
                   float*, long);
template void gemm(Cuda, blas::Op, blas::Op, long, long, long, double, const double*, long, const double*, long, double,
                   double*, long);

}  // namespace heartbeat::cuda
