// Element by element; operands of one call have equal shapes, storage type T (bf16, f32, f64; scale_by, approach and
// sum_of_terms f32, f64). relu, silu, sigmoid and tanh as in elementwise_spec.h.
//
//   add, mul, scale   Y = A + B, Y = A * B, Y = factor X
//   add_bias          Y = X + 1 b^T           X [n, c], b [c]
//   column_sum        Y = 1^T X               X [n, c], Y [c]; chunks of rows, added in order
//   scale_by          Y = *factor X           the factor lies where X does: dy of a scalar loss
//   approach          Y = Y + share (X - Y)   a moving average
//   cast              Y = X, rounded; between f32 and bf16
//   sum_of_terms      *y = the sum of n terms, in order, rounded once: the value of a loss
//   dropout           Y = 0 or X / (1 - p)    element e is dropped where word e of the stream is below p 2^32
//
// Y is overwritten. _accumulate adds into Y instead; _backward adds the adjoint into dX: from X for silu, from the
// result Y for the others. dropout is its own adjoint and draws its mask again: no mask is ever stored.
// A dropped NaN is 0; relu keeps NaN. Results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/philox.h"

namespace heartbeat::kernels {

template <class T>
void add(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void mul(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void mul_accumulate(Cpu, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void scale(Cpu, double factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void scale_accumulate(Cpu, double factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void scale_by_accumulate(Cpu, const T* factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void approach(Cpu, double share, Matrix<const T> x, Matrix<T> y);
template <class T>
void sum_of_terms(Cpu, const double* terms, long n, T* y);
template <class T>
void add_bias(Cpu, Matrix<const T> x, const Acc<T>* b, Matrix<T> y);
template <class T>
void column_sum_accumulate(Cpu, Matrix<const T> x, Acc<T>* y);

template <class T>
void relu(Cpu, Matrix<const T> x, Matrix<T> y);
template <class T>
void relu_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void silu(Cpu, Matrix<const T> x, Matrix<T> y);
template <class T>
void silu_backward(Cpu, Matrix<const T> x, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void sigmoid(Cpu, Matrix<const T> x, Matrix<T> y);
template <class T>
void sigmoid_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void tanh(Cpu, Matrix<const T> x, Matrix<T> y);
template <class T>
void tanh_backward(Cpu, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);

template <class From, class To>
void cast(Cpu, Matrix<const From> x, Matrix<To> y);
template <class From, class To>
void cast_accumulate(Cpu, Matrix<const From> x, Matrix<To> y);
template <class T>
void dropout(Cpu, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y);
template <class T>
void dropout_accumulate(Cpu, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void add(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void mul(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void mul_accumulate(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y);
template <class T>
void scale(Cuda cuda, double factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void scale_accumulate(Cuda cuda, double factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void scale_by_accumulate(Cuda cuda, const T* factor, Matrix<const T> x, Matrix<T> y);
template <class T>
void approach(Cuda cuda, double share, Matrix<const T> x, Matrix<T> y);
template <class T>
void approach(Cuda cuda, const double* share, Matrix<const T> x, Matrix<T> y);
template <class T>
void sum_of_terms(Cuda cuda, const double* terms, long n, T* y);
template <class T>
void add_bias(Cuda cuda, Matrix<const T> x, const Acc<T>* b, Matrix<T> y);
template <class T>
void column_sum_accumulate(Cuda cuda, Matrix<const T> x, Acc<T>* y);
template <class T>
void relu(Cuda cuda, Matrix<const T> x, Matrix<T> y);
template <class T>
void relu_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void silu(Cuda cuda, Matrix<const T> x, Matrix<T> y);
template <class T>
void silu_backward(Cuda cuda, Matrix<const T> x, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void sigmoid(Cuda cuda, Matrix<const T> x, Matrix<T> y);
template <class T>
void sigmoid_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);
template <class T>
void tanh(Cuda cuda, Matrix<const T> x, Matrix<T> y);
template <class T>
void tanh_backward(Cuda cuda, Matrix<const T> y, Matrix<const T> dy, Matrix<T> dx);
template <class From, class To>
void cast(Cuda cuda, Matrix<const From> x, Matrix<To> y);
template <class From, class To>
void cast_accumulate(Cuda cuda, Matrix<const From> x, Matrix<To> y);
template <class T>
void dropout(Cuda cuda, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y);
template <class T>
void dropout(Cuda cuda, StreamOnDevice name, double p, Matrix<const T> x, Matrix<T> y);
template <class T>
void dropout_accumulate(Cuda cuda, RandomStream stream, double p, Matrix<const T> x, Matrix<T> y);
template <class T>
void dropout_accumulate(Cuda cuda, StreamOnDevice name, double p, Matrix<const T> x, Matrix<T> y);

}  // namespace heartbeat::kernels
