// The largest element of each window of a plane (an image of one channel).
//
//   y(p,q) = max over 0 <= i, j < size of x(p stride + i, q stride + j)      windows lie wholly in the plane
//
//   x    [planes, height, width]
//   y    [planes, out_height, out_width]   overwritten
//   from [planes, out_height, out_width]   where in its plane y was read, row * width + column; overwritten, may be
//   null
//
// A window with a NaN gives NaN, read at the last of them (as in PyTorch); of equal elements the first, row by row, is
// taken. Adjoint: dx(from) += dy. Planes are independent: bits do not depend on the threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

struct MaxPoolShape {
  long planes = 0, height = 0, width = 0;
  long size = 2, stride = 2;

  // At least 1: a plane holds a window.
  long out_height() const { return (height - size) / stride + 1; }
  long out_width() const { return (width - size) / stride + 1; }
};

template <class T>
void max_pool(Cpu, const MaxPoolShape& shape, const T* x, T* y, std::int32_t* from);
template <class T>
void max_pool_dx_accumulate(Cpu, const MaxPoolShape& shape, const T* dy, const std::int32_t* from, T* dx);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void max_pool(Cuda cuda, const MaxPoolShape& shape, const T* x, T* y, std::int32_t* from);
template <class T>
void max_pool_dx_accumulate(Cuda cuda, const MaxPoolShape& shape, const T* dy, const std::int32_t* from, T* dx);

}  // namespace heartbeat::kernels
