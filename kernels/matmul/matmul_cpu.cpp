#include "kernels/matmul/matmul.h"

#include <algorithm>

#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#include "kernels/common/widen.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

// A weight matrix of at most this many elements stays in cache while rows stream past it.
constexpr long kSmallWeight = 1 << 16;
constexpr long kRowsPerTask = 256;    // under a small weight
constexpr long kRowsPerBigTask = 64;  // a big one is work enough for few rows
constexpr long kColsPerBigTask = 64;  // and where there are fewer still, it is shared out instead
constexpr long kRowsPerSum = 512;     // rows that one partial sum of a weight gradient covers
constexpr long kOutputRowsPerTask = 64;

// Y = A op(B) + beta Y, B as stored.
template <class T, class Y>
void rows_times_weight(Op op, Matrix<const T> a, Matrix<const Acc<T>> b, Acc<T> beta, Matrix<Y> y) {
  using S = Acc<T>;
  if (a.cols == 0) {  // BLAS refuses empty sums
    if (beta == 0) std::fill_n(y.data, y.numel(), Y(0));
    return;
  }
  if constexpr (!kIsNarrow<T> && !kIsNarrow<Y>)
    if (b.numel() > kSmallWeight && y.rows <= kRowsPerBigTask)
      return for_chunks(y.cols, kColsPerBigTask, [&](long first, long last) {
        blas::gemm<S>(Op::none, op, y.rows, last - first, a.cols, 1, a.data, a.cols,
                      op == Op::none ? b.data + first : b.row(first), b.cols, beta, y.data + first, y.cols);
      });
  for_chunks(y.rows, b.numel() > kSmallWeight ? kRowsPerBigTask : kRowsPerTask, [&](long first, long last) {
    const Widened<T> from(a.row(first), (last - first) * a.cols);
    Rounded<Y> to(y.row(first), (last - first) * y.cols, beta != 0);
    blas::gemm<S>(Op::none, op, last - first, y.cols, a.cols, 1, from.data(), a.cols, b.data, b.cols, beta, to.data(),
                  y.cols);
    to.store();
  });
}

}  // namespace

template <class T, class Y>
void matmul(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  rows_times_weight<T, Y>(Op::none, a, b, 0, y);
}
template <class T, class Y>
void matmul_accumulate(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  rows_times_weight<T, Y>(Op::none, a, b, 1, y);
}
template <class T, class Y>
void matmul_transposed(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  rows_times_weight<T, Y>(Op::transpose, a, b, 0, y);
}
template <class T, class Y>
void matmul_transposed_accumulate(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y) {
  rows_times_weight<T, Y>(Op::transpose, a, b, 1, y);
}

// A small Y is summed chunk by chunk over the rows, each chunk into a copy of its own; a big one would be too much to
// copy, but has rows enough to share out.
template <class T, class B>
void outer_sum_accumulate(Cpu, Matrix<const T> a, Matrix<const std::type_identity_t<B>> b, Matrix<Acc<T>> y) {
  using S = Acc<T>;
  if (a.rows == 0 || y.numel() == 0) return;
  if (y.numel() <= kSmallWeight) {
    sum_chunks(a.rows, kRowsPerSum, y.numel(), y.data, [&](long first, long last, S* partial) {
      const Widened<T> left(a.row(first), (last - first) * a.cols);
      const Widened<B> right(b.row(first), (last - first) * b.cols);
      blas::gemm<S>(Op::transpose, Op::none, y.rows, y.cols, last - first, 1, left.data(), a.cols, right.data(), b.cols,
                    0, partial, y.cols);
    });
    return;
  }
  const Widened<T> left(a.data, a.numel());
  const Widened<B> right(b.data, b.numel());
  for_chunks(y.rows, kOutputRowsPerTask, [&](long first, long last) {
    blas::gemm<S>(Op::transpose, Op::none, last - first, y.cols, a.rows, 1, left.data() + first, a.cols, right.data(),
                  b.cols, 1, y.row(first), y.cols);
  });
}

#define INSTANTIATE(T, Y)                                                                                  \
  template void matmul<T, Y>(Cpu, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);                       \
  template void matmul_accumulate<T, Y>(Cpu, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);            \
  template void matmul_transposed<T, Y>(Cpu, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>);            \
  template void matmul_transposed_accumulate<T, Y>(Cpu, Matrix<const T>, Matrix<const Acc<T>>, Matrix<Y>); \
  template void outer_sum_accumulate<T, Y>(Cpu, Matrix<const T>, Matrix<const Y>, Matrix<Acc<T>>);
INSTANTIATE(bf16, bf16)
INSTANTIATE(bf16, float)
INSTANTIATE(float, bf16)
INSTANTIATE(float, float)
INSTANTIATE(double, double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
