// Reduction of consecutive rows: y_s = w_s (x_a + ... + x_(b-1)), a = offsets[s], b = offsets[s + 1].
//
//   offsets [s + 1]  from 0 to n, never descending; the caller has checked
//   X [n, c]         row-major, storage type T (f32, f64)
//   Y [s, c]         row-major, overwritten; a row of zeros for an empty segment
//   w_s              1 (sum) or 1 / (b - a) (mean)
//
// Adjoint: dx_i += w_s dy_s for every row i of segment s.
// Each entry of Y is one sum in the order of the rows: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

enum class Reduce { sum, mean };

template <class T>
void segment_reduce(Cpu, Reduce how, const int* offsets, Matrix<const T> x, Matrix<T> y);
template <class T>
void segment_reduce_adjoint_accumulate(Cpu, Reduce how, const int* offsets, Matrix<const T> dy, Matrix<T> dx);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void segment_reduce(Cuda cuda, Reduce how, const int* offsets, Matrix<const T> x, Matrix<T> y);
template <class T>
void segment_reduce_adjoint_accumulate(Cuda cuda, Reduce how, const int* offsets, Matrix<const T> dy, Matrix<T> dx);

}  // namespace heartbeat::kernels
