#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/embedding/embedding.h"

namespace heartbeat::kernels {
namespace {

constexpr long kRows = 1024;    // rows copied by one task; below it one core is faster than waking the others
constexpr long kColumns = 32;   // columns of dW that one task owns: two cache lines of f32, so cores never share one
constexpr long kSmall = 32768;  // elements of dY that one core adds sooner than two wake up

}  // namespace

template <class T>
void embedding(Cpu, const int* ids, Matrix<const T> W, Matrix<T> y) {
  for_chunks(y.rows, kRows, [&](long first, long last) {
    for (long i = first; i < last; ++i) std::copy_n(W.row(ids[i]), y.cols, y.row(i));
  });
}

// Many rows of dY meet in one row of dW. A task owns columns, not rows: no two cores add into one place, and each
// element is a sum in the order of the positions.
template <class T>
void embedding_adjoint_accumulate(Cpu, const int* ids, Matrix<const T> dy, Matrix<T> dW) {
  for_chunks(dy.cols, dy.numel() < kSmall ? std::max(dy.cols, 1L) : kColumns, [&](long first, long last) {
    for (long i = 0; i < dy.rows; ++i) {
      const T* from = dy.row(i);
      T* to = dW.row(ids[i]);
#pragma omp simd
      for (long j = first; j < last; ++j) to[j] += from[j];
    }
  });
}

template void embedding(Cpu, const int*, Matrix<const float>, Matrix<float>);
template void embedding(Cpu, const int*, Matrix<const double>, Matrix<double>);
template void embedding_adjoint_accumulate(Cpu, const int*, Matrix<const float>, Matrix<float>);
template void embedding_adjoint_accumulate(Cpu, const int*, Matrix<const double>, Matrix<double>);

}  // namespace heartbeat::kernels
