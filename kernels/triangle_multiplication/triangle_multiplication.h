// Every residue k as a witness: z_ij = sum over k of a_ik b_kj / sqrt(L), for each channel alone, i <= j.
//
//   a, b [pairs, H]  packed, storage type T (bf16, f32, f64); a_ik stands for the symmetric extension, a(fold(i, k))
//   z    [pairs, H]  packed, overwritten
//
// k runs over all L residues of a protein, in a complex over those of all chains. The product of two symmetric matrices
// is not symmetric: Triangle::oriented keeps the upper triangle of A B, Triangle::symmetric takes (A B + B A) / 2.
// Adjoint: the backward adds into da and db where their data is not null; off the diagonal a packed gradient is the sum
// of the dense ones at (i, k) and (k, i). Fixed order: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat {

enum class Triangle { oriented, symmetric };

namespace kernels {

// Elements of L x L workspace a call may hold at a time, all channels together; at least eight channels are taken.
inline constexpr long kTriangleWorkspace = 1L << 22;

template <class T>
void triangle_multiplication(Cpu, PairBatch batch, Matrix<const T> a, Matrix<const T> b, Triangle form, Matrix<T> z,
                             long workspace = kTriangleWorkspace);

template <class T>
void triangle_multiplication_backward(Cpu, PairBatch batch, Matrix<const T> dz, Matrix<const T> a, Matrix<const T> b,
                                      Triangle form, Matrix<T> da, Matrix<T> db, long workspace = kTriangleWorkspace);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void triangle_multiplication(Cuda cuda, PairBatch batch, Matrix<const T> a, Matrix<const T> b, Triangle form,
                             Matrix<T> z, long workspace = kTriangleWorkspace);
template <class T>
void triangle_multiplication_backward(Cuda cuda, PairBatch batch, Matrix<const T> dz, Matrix<const T> a,
                                      Matrix<const T> b, Triangle form, Matrix<T> da, Matrix<T> db,
                                      long workspace = kTriangleWorkspace);

}  // namespace kernels
}  // namespace heartbeat
