// Logarithms of probabilities from scores, row by row: Y = X - log(sum over the row of exp(X)).
//
//   X [n, c], Y [n, c]  row-major, storage type T (f32, f64); Y is overwritten
//
// Adjoint: dX += dY - exp(Y) * (sum over the row of dY), from the result.
// No finite score overflows. A score of -Inf gives -Inf; a NaN or +Inf, or only -Inf, makes its row NaN.
// A row is summed by one thread in a fixed order: results repeat to the bit.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void log_softmax(Cpu, Matrix<const T> x, Matrix<T> y);
template <class T>
void log_softmax_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void log_softmax(Cuda cuda, Matrix<const T> x, Matrix<T> y);
template <class T>
void log_softmax_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);

}  // namespace heartbeat::kernels
