// Columns of two matrices side by side: Y = [A B].
//
//   A [n, p], B [n, q], Y [n, p + q]  row-major, storage type T (f32, f64); Y is overwritten
//
// Adjoint: dA += the first p columns of dY, dB += the other q; columns_accumulate takes either part.
// Values are copied as they are: results repeat to the bit.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void concat(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
// X += columns [first, first + X.cols) of Y.
template <class T>
void columns_accumulate(Cpu, Matrix<const T> y, long first, Matrix<T> x);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void concat(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void columns_accumulate(Cuda cuda, Matrix<const T> y, long first, Matrix<T> x);

}  // namespace heartbeat::kernels
