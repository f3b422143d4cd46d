#include "kernels/matmul/matmul.h"

#include <algorithm>

#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"

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
template <class T>
void rows_times_weight(Op op, Matrix<const T> a, Matrix<const T> b, T beta, Matrix<T> y) {
  if (a.cols == 0) {  // BLAS refuses empty sums
    if (beta == 0) std::fill_n(y.data, y.numel(), T(0));
    return;
  }
  if (b.numel() > kSmallWeight && y.rows <= kRowsPerBigTask) {
    for_chunks(y.cols, kColsPerBigTask, [&](long first, long last) {
      blas::gemm<T>(Op::none, op, y.rows, last - first, a.cols, 1, a.data, a.cols,
                    op == Op::none ? b.data + first : b.row(first), b.cols, beta, y.data + first, y.cols);
    });
    return;
  }
  for_chunks(y.rows, b.numel() > kSmallWeight ? kRowsPerBigTask : kRowsPerTask, [&](long first, long last) {
    blas::gemm<T>(Op::none, op, last - first, y.cols, a.cols, 1, a.row(first), a.cols, b.data, b.cols, beta,
                  y.row(first), y.cols);
  });
}

}  // namespace

template <class T>
void matmul(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  rows_times_weight<T>(Op::none, a, b, 0, y);
}
template <class T>
void matmul_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  rows_times_weight<T>(Op::none, a, b, 1, y);
}
template <class T>
void matmul_transposed(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  rows_times_weight<T>(Op::transpose, a, b, 0, y);
}
template <class T>
void matmul_transposed_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  rows_times_weight<T>(Op::transpose, a, b, 1, y);
}

// A small Y is summed chunk by chunk over the rows, each chunk into a copy of its own; a big one would be too much to
// copy, but has rows enough to share out.
template <class T>
void outer_sum_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  if (a.rows == 0 || y.numel() == 0) return;
  if (y.numel() <= kSmallWeight)
    sum_chunks(a.rows, kRowsPerSum, y.numel(), y.data, [&](long first, long last, T* partial) {
      blas::gemm<T>(Op::transpose, Op::none, y.rows, y.cols, last - first, 1, a.row(first), a.cols, b.row(first),
                    b.cols, 0, partial, y.cols);
    });
  else
    for_chunks(y.rows, kOutputRowsPerTask, [&](long first, long last) {
      blas::gemm<T>(Op::transpose, Op::none, last - first, y.cols, a.rows, 1, a.data + first, a.cols, b.data, b.cols, 1,
                    y.row(first), y.cols);
    });
}

#define INSTANTIATE(T)                                                                          \
  template void matmul(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);                       \
  template void matmul_accumulate(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);            \
  template void matmul_transposed(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);            \
  template void matmul_transposed_accumulate(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>); \
  template void outer_sum_accumulate(Cpu, Matrix<const T>, Matrix<const T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
