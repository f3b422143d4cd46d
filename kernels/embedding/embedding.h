// Row lookup: y_i = W[ids[i]].
//
//   ids [n]      each in [0, v); the caller has checked
//   W   [v, d]   row-major, storage type T (f32, f64)
//   Y   [n, d]   row-major, overwritten
//
// Adjoint: dW[ids[i]] += dy_i, for i ascending: rows that meet in one row of dW are added in the order of their
// positions, so results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void embedding(Cpu, const int* ids, Matrix<const T> W, Matrix<T> y);
template <class T>
void embedding_adjoint_accumulate(Cpu, const int* ids, Matrix<const T> dy, Matrix<T> dW);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void embedding(Cuda cuda, const int* ids, Matrix<const T> W, Matrix<T> y);
template <class T>
void embedding_adjoint_accumulate(Cuda cuda, const int* ids, Matrix<const T> dy, Matrix<T> dW);

}  // namespace heartbeat::kernels
