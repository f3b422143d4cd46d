// Independent numbers from the standard normal distribution: Y[e] = normal e of the stream.
//
//   Y [n, c]  storage type T (f32, f64), overwritten; f64 receives the f32 values
//
// Element e is made of words 2 (e / 2) and 2 (e / 2) + 1 of the stream by `normals` (Box and Muller 1958), the cosine
// for even e and the sine for odd e: it depends on the stream and on e, and on nothing else. No adjoint: it has no
// input.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/philox.h"

namespace heartbeat::kernels {

template <class T>
void normal_noise(Cpu, RandomStream stream, Matrix<T> y);

// On a GPU: queued on the stream; every pointer is to device memory. A stream may be named by what lies there.
template <class T>
void normal_noise(Cuda cuda, RandomStream stream, Matrix<T> y);
template <class T>
void normal_noise(Cuda cuda, StreamOnDevice name, Matrix<T> y);

}  // namespace heartbeat::kernels
