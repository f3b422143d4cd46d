// Layer normalisation of each row (Ba, Kiros & Hinton 2016), alone or with silu behind it.
//
//   z = gain * (x - mean) / sqrt(variance + epsilon) + bias     per row, over its c columns; variance divides by c
//   layer_norm: Y = Z        layer_norm_silu: Y = silu(Z)
//
//   X, Y [n, c]  storage type T (bf16, f32, f64)
//   gain, bias [c]; statistics [n, 2], overwritten: mean and 1 / sqrt(variance + epsilon) of each row
//
// _backward reads X, the statistics and dY, computes the rest again, and adds into dX, dgain and dbias; a gradient that
// is null is left out. With xhat = (x - mean) rstd, u = dY slope (slope 1, or silu'(z)) and g = u * gain:
//   dX += rstd (g - mean(g) - xhat mean(g * xhat)),  dgain += sum u * xhat,  dbias += sum u.
// Sums over rows go by fixed chunks, added in order: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void layer_norm(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                Matrix<Acc<T>> statistics);
template <class T>
void layer_norm_silu(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                     Matrix<Acc<T>> statistics);
template <class T>
void layer_norm_backward(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                         Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias);
template <class T>
void layer_norm_silu_backward(Cpu, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                              Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void layer_norm(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                Matrix<Acc<T>> statistics);
template <class T>
void layer_norm_silu(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias, double epsilon, Matrix<T> y,
                     Matrix<Acc<T>> statistics);
template <class T>
void layer_norm_backward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                         Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias);
template <class T>
void layer_norm_silu_backward(Cuda cuda, Matrix<const T> x, const Acc<T>* gain, const Acc<T>* bias,
                              Matrix<const Acc<T>> statistics, Matrix<const T> dy, T* dx, Acc<T>* dgain, Acc<T>* dbias);

}  // namespace heartbeat::kernels
