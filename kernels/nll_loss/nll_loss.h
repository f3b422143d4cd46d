// Negative log-likelihood of the true classes, averaged over rows: loss = -1/n sum_i log_p[i, label_i].
//
//   log_p [n, c]  row-major, storage type T (f32, f64); only the n entries of the labels are read
//   labels [n]    in [0, c)
//
// Adjoint: dlog_p[i, label_i] -= dy / n.
// The mean of no rows is NaN. Sums are kept in double, chunk by chunk in order: results repeat to the bit.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void nll_loss(Cpu, Matrix<const T> log_p, const int* labels, double* loss);
template <class T>
void nll_loss_backward(Cpu, const int* labels, const T* dy, Matrix<T> dlog_p);

// On a GPU: queued on the stream; every pointer, that of the loss too, is to device memory.
template <class T>
void nll_loss(Cuda cuda, Matrix<const T> log_p, const int* labels, double* loss);
template <class T>
void nll_loss_backward(Cuda cuda, const int* labels, const T* dy, Matrix<T> dlog_p);

}  // namespace heartbeat::kernels
