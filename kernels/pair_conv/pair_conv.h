// Dilated 3x3 convolution on packed triangles: the upper triangle of the dense convolution of the symmetric extension.
//
//   y(i,j) = b + sum over a, b in {-1, 0, 1} of W_ab x(fold(i + a d, j + b d)),   i <= j,  fold = (min, max)
//
//   x [pairs, in], y [pairs, out]  packed order of kernels/common/pair.h, storage type T (bf16, f32, f64); y is
//                                  overwritten
//   W [out, in, 3, 3]              free: the nine W_ab are independent
//     [out, in, 6]                 tied: W_ab = W_ba, kept once in the order -1-1 00 11 -10 -11 01
//   b [out]                        may be null
//
// A tap counts if i and i + a d lie a d apart in one chain, and so do j and j + b d; other taps read zero.
// Gradients treat the pairs as free variables: dx(i,j) is dX(i,j) + dX(j,i) of the dense map, dx(i,i) is dX(i,i).
// y and dx have the same bits for any number of threads and whatever else is in the batch. dW and db have the same bits
// for any number of threads.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat::kernels {

struct PairConvShape {
  long in = 0, out = 0;
  int dilation = 1;
  bool tied = false;

  int taps() const { return tied ? 6 : 9; }
};

template <class T>
void pair_conv(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x, const Acc<T>* W,
               const Acc<T>* b, Matrix<T> y);
template <class T>
void pair_conv_dx_accumulate(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> dy,
                             const Acc<T>* W, Matrix<T> dx);
// dW and db may be null.
template <class T>
void pair_conv_dw_accumulate(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x,
                             Matrix<const T> dy, Acc<T>* dW, Acc<T>* db);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void pair_conv(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x, const Acc<T>* W,
               const Acc<T>* b, Matrix<T> y);
template <class T>
void pair_conv_dx_accumulate(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> dy,
                             const Acc<T>* W, Matrix<T> dx);
template <class T>
void pair_conv_dw_accumulate(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x,
                             Matrix<const T> dy, Acc<T>* dW, Acc<T>* db);

}  // namespace heartbeat::kernels
