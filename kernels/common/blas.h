// Dense products through OpenBLAS, single-threaded: our own loops decide which core works on what, so results do not
// depend on the number of threads. All matrices are row-major with an explicit row stride (ld*).
#pragma once

namespace heartbeat::blas {

enum class Op { none, transpose };

// C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n]. With beta 0, C is not read.
template <class T>
void gemm(Op a_op, Op b_op, long m, long n, long k, T alpha, const T* a, long lda, const T* b, long ldb, T beta, T* c,
          long ldc);

// The processor whose kernels OpenBLAS has chosen, as it names it: "Haswell".
const char* core_name();

}  // namespace heartbeat::blas
