#include "kernels/common/device_code.cuh"
#include "kernels/common/gemm_cuda.h"
#include "kernels/common/math.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gru_cell/gru_cell.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

// The gates from the two products, W_ih m in P and W_hh h in Q, both [n, 3d] without biases.
template <class T>
void close_gates(Cuda cuda, const T* P, const T* Q, const T* b_ih, const T* b_hh, Matrix<const T> h, Matrix<T> gates,
                 Matrix<T> y) {
  const long d = h.cols;
  for_each(cuda, h.numel(), [=] __device__(long k) {
    const long i = k / d, j = k % d;
    const auto from_message = [=](int gate) { return P[i * 3 * d + gate * d + j] + b_ih[gate * d + j]; };
    const auto from_state = [=](int gate) { return Q[i * 3 * d + gate * d + j] + b_hh[gate * d + j]; };
    const T r = math::sigmoid(from_message(0) + from_state(0)), z = math::sigmoid(from_message(1) + from_state(1));
    const T u = from_state(2), n = math::tanh(from_message(2) + r * u);
    T* to = gates.row(i) + j;
    to[0] = r;
    to[d] = z;
    to[2 * d] = n;
    to[3 * d] = u;
    y.data[k] = (1 - z) * n + z * h.data[k];
  });
}

// The gradients of the two products; dh, unless it is null, gets what goes round the gates.
template <class T>
void open_gates(Cuda cuda, Matrix<const T> h, Matrix<const T> gates, Matrix<const T> dy, T* dP, T* dQ, T* dh) {
  const long d = h.cols;
  for_each(cuda, h.numel(), [=] __device__(long k) {
    const long i = k / d, j = k % d;
    const T* at = gates.row(i) + j;
    const T r = at[0], z = at[d], n = at[2 * d], u = at[3 * d], dh_new = dy.data[k];
    const T dn = dh_new * (1 - z) * (1 - n * n);
    const T dr = dn * u * r * (1 - r), dz = dh_new * (h.data[k] - n) * z * (1 - z);
    T *p = dP + i * 3 * d + j, *q = dQ + i * 3 * d + j;
    p[0] = q[0] = dr;
    p[d] = q[d] = dz;
    p[2 * d] = dn;
    q[2 * d] = dn * r;
    if (dh) dh[k] += dh_new * z;
  });
}

}  // namespace

template <class T>
void gru_cell(Cuda cuda, const GruWeights<const T>& W, Matrix<const T> m, Matrix<const T> h, Matrix<T> gates,
              Matrix<T> y) {
  if (!h.numel()) return;
  const long n = h.rows, d = h.cols, k = m.cols;
  const cuda::Scratch<T> P(cuda, n * 3 * d), Q(cuda, n * 3 * d);
  cuda::gemm<T>(cuda, Op::none, Op::transpose, n, 3 * d, k, 1, m.data, k, W.W_ih.data, k, 0, P.data(), 3 * d);
  cuda::gemm<T>(cuda, Op::none, Op::transpose, n, 3 * d, d, 1, h.data, d, W.W_hh.data, d, 0, Q.data(), 3 * d);
  close_gates<T>(cuda, P.data(), Q.data(), W.b_ih.data, W.b_hh.data, h, gates, y);
}

template <class T>
void gru_cell_adjoint_accumulate(Cuda cuda, const GruWeights<const T>& W, Matrix<const T> m, Matrix<const T> h,
                                 Matrix<const T> gates, Matrix<const T> dy, const GruGradients<T>& to) {
  if (!h.numel()) return;
  const long n = h.rows, d = h.cols, k = m.cols;
  const cuda::Scratch<T> dP(cuda, n * 3 * d), dQ(cuda, n * 3 * d);
  open_gates<T>(cuda, h, gates, dy, dP.data(), dQ.data(), to.dh.data);
  const Matrix<const T> P{dP.data(), n, 3 * d}, Q{dQ.data(), n, 3 * d};
  if (to.dm.data)
    cuda::gemm<T>(cuda, Op::none, Op::none, n, k, 3 * d, 1, P.data, 3 * d, W.W_ih.data, k, 1, to.dm.data, k);
  if (to.dh.data)
    cuda::gemm<T>(cuda, Op::none, Op::none, n, d, 3 * d, 1, Q.data, 3 * d, W.W_hh.data, d, 1, to.dh.data, d);
  if (to.dW.W_ih.data)
    cuda::gemm<T>(cuda, Op::transpose, Op::none, 3 * d, k, n, 1, P.data, 3 * d, m.data, k, 1, to.dW.W_ih.data, k);
  if (to.dW.W_hh.data)
    cuda::gemm<T>(cuda, Op::transpose, Op::none, 3 * d, d, n, 1, Q.data, 3 * d, h.data, d, 1, to.dW.W_hh.data, d);
  if (to.dW.b_ih.data) column_sum_accumulate<T>(cuda, P, to.dW.b_ih.data);
  if (to.dW.b_hh.data) column_sum_accumulate<T>(cuda, Q, to.dW.b_hh.data);
}

template void gru_cell(Cuda, const GruWeights<const float>&, Matrix<const float>, Matrix<const float>, Matrix<float>,
                       Matrix<float>);
template void gru_cell(Cuda, const GruWeights<const double>&, Matrix<const double>, Matrix<const double>,
                       Matrix<double>, Matrix<double>);
template void gru_cell_adjoint_accumulate(Cuda, const GruWeights<const float>&, Matrix<const float>,
                                          Matrix<const float>, Matrix<const float>, Matrix<const float>,
                                          const GruGradients<float>&);
template void gru_cell_adjoint_accumulate(Cuda, const GruWeights<const double>&, Matrix<const double>,
                                          Matrix<const double>, Matrix<const double>, Matrix<const double>,
                                          const GruGradients<double>&);

}  // namespace heartbeat::kernels
