// Dense products on a GPU, queued on the stream: cuBLAS, or under the emulator the CPU's own. All matrices are
// row-major with an explicit row stride (ld*). f32 takes the tensor cores where the stream has tf32.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/blas.h"

namespace heartbeat::cuda {

// C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n]. With beta 0, C is not read.
template <class T>
void gemm(Cuda stream, blas::Op a_op, blas::Op b_op, long m, long n, long k, T alpha, const T* a, long lda, const T* b,
          long ldb, T beta, T* c, long ldc);

}  // namespace heartbeat::cuda
