// Log-softmax and negative log-likelihood in one pass, averaged over rows, and the gradient beside it.
//
//   loss = 1/n sum_i (log(sum_k exp(x_ik)) - x_(i, label_i))
//   dx   = (softmax(x) - one_hot(label)) / n          the gradient for dy = 1
//
//   x [n, c], dx [n, c]  row-major, storage type T (f32, f64); dx is overwritten, or not made where its data is null
//   labels [n]           in [0, c)
//
// No finite score overflows. A NaN or +Inf, or only -Inf, makes its row of dx NaN and the loss with it.
// The mean of no rows is NaN. Rows are summed in double, chunk by chunk in order: results repeat to the bit.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
void cross_entropy(Cpu, Matrix<const T> x, const int* labels, double* loss, Matrix<T> dx);

// On a GPU: queued on the stream; every pointer, that of the loss too, is to device memory.
template <class T>
void cross_entropy(Cuda cuda, Matrix<const T> x, const int* labels, double* loss, Matrix<T> dx);

}  // namespace heartbeat::kernels
