// Sparse times dense: Y = A X.
//
//   A [n, m]  CSR, f32 values, held constant
//   X [m, c]  row-major, storage type T (bf16, f32, f64)
//   Y [n, c]  row-major, overwritten
//
// Adjoint: dX += A^T dY, which is spmm_accumulate on the transposed CSR.
// Each entry of Y is one sum in CSR order: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void spmm(Cpu, Csr a, Matrix<const T> x, Matrix<T> y);
template <class T>
void spmm_accumulate(Cpu, Csr a, Matrix<const T> x, Matrix<T> y);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void spmm(Cuda cuda, Csr a, Matrix<const T> x, Matrix<T> y);
template <class T>
void spmm_accumulate(Cuda cuda, Csr a, Matrix<const T> x, Matrix<T> y);

}  // namespace heartbeat::kernels
