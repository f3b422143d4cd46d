// A bank of filters slid over images; "convolution" as neural networks mean it, without mirroring the filter.
//
//   y(n,o,p,q) = b(o) + sum over c, i, j of W(o,c,i,j) x(n, c, p stride + i - padding, q stride + j - padding)
//
//   x [images, in, height, width]             outside of an image x counts as zero, and 0 * NaN is NaN
//   W [out, in, kernel_height, kernel_width]
//   b [out]                                   may be null
//   y [images, out, out_height, out_width]    overwritten
//
// Each element of y and dx is one sum in one order: its bits do not depend on the threads or on the rest of the batch.
// dW and db are summed over fixed groups of images, then over the groups in order.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

struct Conv2dShape {
  long images = 0, in = 0, height = 0, width = 0;
  long out = 0, kernel_height = 0, kernel_width = 0;
  long stride = 1, padding = 0;

  // At least 1: the padded image holds the kernel.
  long out_height() const { return (height + 2 * padding - kernel_height) / stride + 1; }
  long out_width() const { return (width + 2 * padding - kernel_width) / stride + 1; }
  long pixels() const { return out_height() * out_width(); }       // of one output channel
  long taps() const { return in * kernel_height * kernel_width; }  // products in a sum of y
  long work() const { return images * out * pixels() * taps(); }   // multiply-adds of one pass
  long x_size() const { return in * height * width; }              // elements of one image
  long y_size() const { return out * pixels(); }
};

template <class T>
void conv2d(Cpu, const Conv2dShape& shape, const T* x, const T* W, const T* b, T* y);
template <class T>
void conv2d_dx_accumulate(Cpu, const Conv2dShape& shape, const T* dy, const T* W, T* dx);
// dW and db may be null.
template <class T>
void conv2d_dw_accumulate(Cpu, const Conv2dShape& shape, const T* x, const T* dy, T* dW, T* db);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void conv2d(Cuda cuda, const Conv2dShape& shape, const T* x, const T* W, const T* b, T* y);
template <class T>
void conv2d_dx_accumulate(Cuda cuda, const Conv2dShape& shape, const T* dy, const T* W, T* dx);
template <class T>
void conv2d_dw_accumulate(Cuda cuda, const Conv2dShape& shape, const T* x, const T* dy, T* dW, T* db);

}  // namespace heartbeat::kernels
