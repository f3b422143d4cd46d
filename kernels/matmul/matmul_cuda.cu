// Plain dense products are the vendor's: the one thing that cuBLAS is used for.
#include <algorithm>

#include "kernels/common/gemm_cuda.h"
#include "kernels/matmul/matmul.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

template <class T>
void product(Cuda cuda, Op b_op, Matrix<const T> a, Matrix<const T> b, T beta, Matrix<T> y) {
  cuda::gemm<T>(cuda, Op::none, b_op, y.rows, y.cols, a.cols, 1, a.data, std::max(a.cols, 1L), b.data,
                std::max(b.cols, 1L), beta, y.data, std::max(y.cols, 1L));
}

}  // namespace

template <class T>
void matmul(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  product<T>(cuda, Op::none, a, b, 0, y);
}
template <class T>
void matmul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  product<T>(cuda, Op::none, a, b, 1, y);
}
template <class T>
void matmul_transposed(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  product<T>(cuda, Op::transpose, a, b, 0, y);
}
template <class T>
void matmul_transposed_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  product<T>(cuda, Op::transpose, a, b, 1, y);
}
template <class T>
void outer_sum_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  if (a.rows == 0) return;
  cuda::gemm<T>(cuda, Op::transpose, Op::none, y.rows, y.cols, a.rows, 1, a.data, std::max(a.cols, 1L), b.data,
                std::max(b.cols, 1L), 1, y.data, std::max(y.cols, 1L));
}

#define INSTANTIATE(T)                                                                           \
  template void matmul(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);                       \
  template void matmul_accumulate(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);            \
  template void matmul_transposed(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);            \
  template void matmul_transposed_accumulate(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>); \
  template void outer_sum_accumulate(Cuda, Matrix<const T>, Matrix<const T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
