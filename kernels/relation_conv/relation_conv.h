// Relational graph convolution on the chain graph of a batch of proteins: y_i = sum_r x_(i + offsets[r]) W_r, where
// i + o is the residue of the same protein and chain whose position is exactly o away, or a row of zeros.
//
//   X [residues, in]  row-major, storage type T (bf16, f32, f64)
//   W [R * in, out]   the R matrices [in, out], one below the other
//   Y [residues, out] row-major, overwritten
//
// Adjoint: dx_j += sum_r dy_(j - offsets[r]) W_r^T and dW_r += sum_i x_(i + offsets[r])^T dy_i.
// Sums run in fixed chunks of residues that begin with each protein: results repeat to the bit for any number of
// threads, and a protein has the same Y and dX alone and in any batch.
#pragma once

#include <span>

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat::kernels {

// Distinct whole numbers of residues; 0 is the residue itself.
using Offsets = std::span<const int>;

template <class T>
void relation_conv(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> x, Matrix<const Acc<T>> W,
                   Matrix<T> y);
template <class T>
void relation_conv_adjoint_x_accumulate(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> dy,
                                        Matrix<const Acc<T>> W, Matrix<T> dx);
template <class T>
void relation_conv_adjoint_W_accumulate(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> x,
                                        Matrix<const T> dy, Matrix<Acc<T>> dW);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void relation_conv(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> x, Matrix<const Acc<T>> W,
                   Matrix<T> y);
template <class T>
void relation_conv_adjoint_x_accumulate(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> dy,
                                        Matrix<const Acc<T>> W, Matrix<T> dx);
template <class T>
void relation_conv_adjoint_W_accumulate(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> x,
                                        Matrix<const T> dy, Matrix<Acc<T>> dW);

}  // namespace heartbeat::kernels
