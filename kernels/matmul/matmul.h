// Dense products of tall matrices with small ones; all row-major, storage type T (f32, f64).
//
//   matmul             Y = A B      A [n, k], B [k, m], Y [n, m]
//   matmul_transposed  Y = A B^T    A [n, k], B [m, k], Y [n, m]: a linear layer, B its weight [out, in]
//   outer_sum          Y = A^T B    A [n, k], B [n, m], Y [k, m]: the sum over rows i of a_i b_i^T
//
// Y is overwritten; the forms with _accumulate add to it. Adjoints, each from this same list:
//   matmul:             dA += dY B^T (matmul_transposed), dB += A^T dY (outer_sum)
//   matmul_transposed:  dA += dY B (matmul),              dB += dY^T A (outer_sum)
// n is cut into chunks that depend on the shapes only: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void matmul(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_transposed(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_transposed_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void outer_sum_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void matmul(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_transposed(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void matmul_transposed_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void outer_sum_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);

}  // namespace heartbeat::kernels
