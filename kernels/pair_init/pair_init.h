// The first pair tensor, from residue states: z_ij = W_l h_i + W_r h_j + W_m (h_i * h_j) + E[bucket(i, j)] + b, i <= j.
//
//   h [residues, d]  storage type T (bf16, f32, f64), like z
//   W_l, W_r, W_m [C, d]  E [64, C], buckets of kernels/common/pair.h  b [C]
//   z [pairs, C]     packed, overwritten
//
// Adjoint: pair_init_backward adds into every gradient whose data is not null. The gradient of h is a gather over the
// row and the column of each residue: no atomics, sums in a fixed order. Proteins do not touch each other.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat::kernels {

// T is const for the weights and mutable for their gradients.
template <class T>
struct PairInitWeights {
  Matrix<T> W_l, W_r, W_m, E, b;
};

template <class T>
void pair_init(Cpu, PairBatch batch, Matrix<const T> h, PairInitWeights<const Acc<T>> w, Matrix<T> z);

template <class T>
void pair_init_backward(Cpu, PairBatch batch, Matrix<const T> dz, Matrix<const T> h, PairInitWeights<const Acc<T>> w,
                        Matrix<T> dh, PairInitWeights<Acc<T>> dw);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void pair_init(Cuda cuda, PairBatch batch, Matrix<const T> h, PairInitWeights<const Acc<T>> w, Matrix<T> z);
template <class T>
void pair_init_backward(Cuda cuda, PairBatch batch, Matrix<const T> dz, Matrix<const T> h,
                        PairInitWeights<const Acc<T>> w, Matrix<T> dh, PairInitWeights<Acc<T>> dw);

}  // namespace heartbeat::kernels
