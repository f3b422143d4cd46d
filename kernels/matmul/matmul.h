// Dense products of tall matrices with small ones; all row-major.
//
//   matmul             Y = A B      A [n, k], B [k, m], Y [n, m]
//   matmul_transposed  Y = A B^T    A [n, k], B [m, k], Y [n, m]: a linear layer, B its weight [out, in]
//   outer_sum          Y = A^T B    A [n, k], B [n, m], Y [k, m]: the sum over rows i of a_i b_i^T
//
// Y is overwritten; the forms with _accumulate add to it. Adjoints, each from this same list:
//   matmul:             dA += dY B^T (matmul_transposed), dB += A^T dY (outer_sum)
//   matmul_transposed:  dA += dY B (matmul),              dB += dY^T A (outer_sum)
// Tall matrices are stored as bf16, f32 or f64 and need not agree with each other: logits are f32 above a trunk of
// bf16. The small one, and all sums, are of the type Acc of the first.
// n is cut into chunks that depend on the shapes only: results repeat to the bit for any number of threads.
#pragma once

#include <type_traits>

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T, class Y = T>
void matmul(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_accumulate(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_transposed(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_transposed_accumulate(Cpu, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class B = T>
void outer_sum_accumulate(Cpu, Matrix<const T> a, Matrix<const std::type_identity_t<B>> b, Matrix<Acc<T>> y);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T, class Y = T>
void matmul(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_transposed(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b, Matrix<std::type_identity_t<Y>> y);
template <class T, class Y = T>
void matmul_transposed_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const Acc<T>> b,
                                  Matrix<std::type_identity_t<Y>> y);
template <class T, class B = T>
void outer_sum_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const std::type_identity_t<B>> b, Matrix<Acc<T>> y);

}  // namespace heartbeat::kernels
