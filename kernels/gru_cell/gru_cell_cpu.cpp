#include <algorithm>
#include <vector>

#include "kernels/common/blas.h"
#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "kernels/common/widen.h"
#include "kernels/gru_cell/gru_cell.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

constexpr long kRows = 64;        // rows of a task: their gates, 96 KiB for d = 96 in f32, stay in L2
constexpr long kWeightRows = 32;  // rows of dW that one task owns

// Columns of `gates`, and of their gradients, in units of d. The first three match W_ih; W_hh skips the third.
enum Block { kR = 0, kZ = 1, kN = 2, kU = 3 };

// The sums before the nonlinearities, for `rows` rows.
template <class T>
void presums(const GruWeights<const T>& W, long rows, const T* m, const T* h, long k, long d, T* gates) {
  const long stride = 4 * d;
  for (long i = 0; i < rows; ++i) {
    T* row = gates + i * stride;
    for (long j = 0; j < 2 * d; ++j) row[j] = W.b_ih.data[j] + W.b_hh.data[j];
    std::copy_n(W.b_ih.data + kN * d, d, row + kN * d);
    std::copy_n(W.b_hh.data + kN * d, d, row + kU * d);
  }
  blas::gemm<T>(Op::none, Op::transpose, rows, 3 * d, k, 1, m, k, W.W_ih.data, k, 1, gates, stride);
  blas::gemm<T>(Op::none, Op::transpose, rows, 2 * d, d, 1, h, d, W.W_hh.data, d, 1, gates, stride);
  blas::gemm<T>(Op::none, Op::transpose, rows, d, d, 1, h, d, W.W_hh.row(kN * d), d, 1, gates + kU * d, stride);
}

// Adds the products with rows [first, first + width) of each gate's block: dW += D^T x and db += D^T 1, D [n, 4d].
template <class T>
void weight_gradient(const T* D, long n, long d, Block block, long weight_row, long width, long first,
                     Matrix<const T> x, Matrix<T> dW, Matrix<T> db) {
  const T* columns = D + block * d + first;
  if (dW.data)
    blas::gemm<T>(Op::transpose, Op::none, width, x.cols, n, 1, columns, 4 * d, x.data, x.cols, 1, dW.row(weight_row),
                  x.cols);
  if (!db.data) return;
  T sum[kWeightRows] = {};
  for (long i = 0; i < n; ++i) {
    const T* from = columns + i * 4 * d;
#pragma omp simd
    for (long j = 0; j < width; ++j) sum[j] += from[j];
  }
  for (long j = 0; j < width; ++j) db.data[weight_row + j] += sum[j];
}

}  // namespace

template <class T>
void gru_cell(Cpu, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h, Matrix<Acc<T>> gates,
              Matrix<T> y) {
  using A = Acc<T>;
  const long d = h.cols;
  for_chunks(h.rows, kRows, [&](long first, long last) {
    const Widened<T> messages(m.row(first), (last - first) * m.cols), states(h.row(first), (last - first) * d);
    presums(W, last - first, messages.data(), states.data(), m.cols, d, gates.row(first));
    for (long i = first; i < last; ++i) {
      A *r = gates.row(i), *z = r + kZ * d, *n = r + kN * d, *u = r + kU * d;
      const T* state = h.row(i);
      T* to = y.row(i);
#pragma omp simd
      for (long j = 0; j < d; ++j) {
        r[j] = math::sigmoid(r[j]);
        z[j] = math::sigmoid(z[j]);
        n[j] = math::tanh(n[j] + r[j] * u[j]);
        put<T>((1 - z[j]) * n[j] + z[j] * state[j], to[j]);
      }
    }
  });
}

template <class T>
void gru_cell_adjoint_accumulate(Cpu, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h,
                                 Matrix<const Acc<T>> gates, Matrix<const T> dy, const GruGradients<T>& to) {
  using A = Acc<T>;
  const long n_rows = h.rows, d = h.cols, k = m.cols, stride = 4 * d;
  std::vector<A> D(n_rows * stride);  // gradients of the sums before r, z, n and u
  for_chunks(n_rows, kRows, [&](long first, long last) {
    const long rows = last - first;
    Rounded<T> state_sums(to.dh.data ? to.dh.row(first) : nullptr, to.dh.data ? rows * d : 0, true);
    for (long i = first; i < last; ++i) {
      const A *r = gates.row(i), *z = r + kZ * d, *n = r + kN * d, *u = r + kU * d;
      const T *state = h.row(i), *from = dy.row(i);
      A* row = D.data() + i * stride;
#pragma omp simd
      for (long j = 0; j < d; ++j) {
        const A dn = from[j] * (1 - z[j]) * (1 - n[j] * n[j]);
        row[kR * d + j] = dn * u[j] * r[j] * (1 - r[j]);
        row[kZ * d + j] = from[j] * (state[j] - n[j]) * z[j] * (1 - z[j]);
        row[kN * d + j] = dn;
        row[kU * d + j] = dn * r[j];
      }
      if (!to.dh.data) continue;
      A* dh = state_sums.data() + (i - first) * d;
#pragma omp simd
      for (long j = 0; j < d; ++j) dh[j] += from[j] * z[j];
    }
    const A* sums = D.data() + first * stride;
    if (to.dm.data) {
      Rounded<T> message_sums(to.dm.row(first), rows * k, true);
      blas::gemm<A>(Op::none, Op::none, rows, k, 3 * d, 1, sums, stride, W.W_ih.data, k, 1, message_sums.data(), k);
      message_sums.store();
    }
    if (!to.dh.data) return;
    blas::gemm<A>(Op::none, Op::none, rows, d, 2 * d, 1, sums, stride, W.W_hh.data, d, 1, state_sums.data(), d);
    blas::gemm<A>(Op::none, Op::none, rows, d, d, 1, sums + kU * d, stride, W.W_hh.row(kN * d), d, 1, state_sums.data(),
                  d);
    state_sums.store();
  });

  // A task owns rows of the weights and walks over all rows of the batch: one order for any number of threads.
  const long blocks = chunks_of(d, kWeightRows);
  const Widened<T> messages(m.data, m.numel()), states(h.data, h.numel());
  const Matrix<const A> wide_m{messages.data(), n_rows, k}, wide_h{states.data(), n_rows, d};
#pragma omp parallel for schedule(dynamic) if (n_rows > kRows)
  for (long task = 0; task < 3 * blocks; ++task) {
    const long gate = task / blocks, first = task % blocks * kWeightRows, width = std::min(kWeightRows, d - first);
    const long row = gate * d + first;
    weight_gradient(D.data(), n_rows, d, Block(gate), row, width, first, wide_m, to.dW.W_ih, to.dW.b_ih);
    weight_gradient(D.data(), n_rows, d, gate == kN ? kU : Block(gate), row, width, first, wide_h, to.dW.W_hh,
                    to.dW.b_hh);
  }
}

#define INSTANTIATE(T)                                                                                              \
  template void gru_cell(Cpu, const GruWeights<const Acc<T>>&, Matrix<const T>, Matrix<const T>, Matrix<Acc<T>>,    \
                         Matrix<T>);                                                                                \
  template void gru_cell_adjoint_accumulate(Cpu, const GruWeights<const Acc<T>>&, Matrix<const T>, Matrix<const T>, \
                                            Matrix<const Acc<T>>, Matrix<const T>, const GruGradients<T>&);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
