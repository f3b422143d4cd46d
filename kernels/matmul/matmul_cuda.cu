// Plain dense products are the vendor's: the one thing that cuBLAS is used for.
#include <algorithm>

#include "kernels/common/gemm_cuda.h"
#include "kernels/common/tile_product.cuh"
#include "kernels/matmul/matmul.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

// What cuBLAS has no product for is read where it is stored.
template <class T, class Y>
void narrow_product(Cuda cuda, Op b_op, Matrix<const T> a, Matrix<const Acc<T>> b, bool add, Matrix<Y> y) {
  const bool transposed = b_op == Op::transpose;
  tile_product<Acc<T>>(
      cuda, y.rows, y.cols, a.cols, [=] __device__(long i, long k) { return Acc<T>(a.row(i)[k]); },
      [=] __device__(long k, long j) { return transposed ? b.row(j)[k] : b.row(k)[j]; },
      [=] __device__(long i, long j, long, Acc<T> sum) { y.row(i)[j] = Y(add ? y.row(i)[j] + sum : sum); });
}

template <class T, class Y>
void product(Cuda cuda, Op b_op, Matrix<const T> a, Matrix<const Acc<T>> b, bool add, Matrix<Y> y) {
  if constexpr (kIsNarrow<T> || kIsNarrow<Y>)
    narrow_product(cuda, b_op, a, b, add, y);
  else
    cuda::gemm<T>(cuda, Op::none, b_op, y.rows, y.cols, a.cols, 1, a.data, std::max(a.cols, 1L), b.data,
                  std::max(b.cols, 1L), add ? 1 : 0, y.data, std::max(y.cols, 1L));
}

template <class T, class B>
void narrow_outer_sum(Cuda cuda, Matrix<const T> a, Matrix<const B> b, Matrix<Acc<T>> y) {
  long_product<Acc<T>>(
      cuda, y.rows, y.cols, a.rows, [=] __device__(long i, long k) { return Acc<T>(a.row(k)[i]); },
      [=] __device__(long k, long j) { return Acc<T>(b.row(k)[j]); },
      [=] __device__(long i, long j, Acc<T> sum) { y.row(i)[j] += sum; });
}

}  // namespace

template <class T, class Y>
void matmul(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  product<T, Y>(cuda, Op::none, a, b, false, y);
}
template <class T, class Y>
void matmul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  product<T, Y>(cuda, Op::none, a, b, true, y);
}
template <class T, class Y>
void matmul_transposed(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  product<T, Y>(cuda, Op::transpose, a, b, false, y);
}
template <class T, class Y>
void matmul_transposed_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b,
                                  Matrix<std::type_identity_t<Y>> y) {
  product<T, Y>(cuda, Op::transpose, a, b, true, y);
}
template <class T, class B>
void outer_sum_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const std::type_identity_t<B>> b, Matrix<Acc<T>> y) {
  if (a.rows == 0) return;
  if constexpr (kIsNarrow<T> || kIsNarrow<B>)
    narrow_outer_sum<T, B>(cuda, a, b, y);
  else
    cuda::gemm<T>(cuda, Op::transpose, Op::none, y.rows, y.cols, a.rows, 1, a.data, std::max(a.cols, 1L), b.data,
                  std::max(b.cols, 1L), 1, y.data, std::max(y.cols, 1L));
}

#define INSTANTIATE(T, Y)                                                                                   \
  template void matmul<T, Y>(Cuda, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);                       \
  template void matmul_accumulate<T, Y>(Cuda, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);            \
  template void matmul_transposed<T, Y>(Cuda, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);            \
  template void matmul_transposed_accumulate<T, Y>(Cuda, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>); \
  template void outer_sum_accumulate<T, Y>(Cuda, Matrix<const T>, Matrix<const Y>, Matrix<Acc<T>>);
INSTANTIATE(bf16, bf16)
INSTANTIATE(bf16, float)
INSTANTIATE(float, bf16)
INSTANTIATE(float, float)
INSTANTIATE(double, double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
