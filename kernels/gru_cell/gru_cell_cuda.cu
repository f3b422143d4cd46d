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
void close_gates(Cuda cuda, const Acc<T>* P, const Acc<T>* Q, const Acc<T>* b_ih, const Acc<T>* b_hh, Matrix<const T> h,
                 Matrix<Acc<T>> gates, Matrix<T> y) {
  const long d = h.cols;
  for_each(cuda, h.numel(), [=] __device__(long k) {
    const long i = k / d, j = k % d;
    const auto from_message = [=](int gate) { return P[i * 3 * d + gate * d + j] + b_ih[gate * d + j]; };
    const auto from_state = [=](int gate) { return Q[i * 3 * d + gate * d + j] + b_hh[gate * d + j]; };
    const Acc<T> r = math::sigmoid(from_message(0) + from_state(0)), z = math::sigmoid(from_message(1) + from_state(1));
    const Acc<T> u = from_state(2), n = math::tanh(from_message(2) + r * u);
    Acc<T>* to = gates.row(i) + j;
    to[0] = r;
    to[d] = z;
    to[2 * d] = n;
    to[3 * d] = u;
    y.data[k] = T((1 - z) * n + z * h.data[k]);
  });
}

// The gradients of the two products, and what goes round the gates to dh.
template <class T>
void open_gates(Cuda cuda, Matrix<const T> h, Matrix<const Acc<T>> gates, Matrix<const T> dy, Acc<T>* dP, Acc<T>* dQ,
                Acc<T>* around) {
  const long d = h.cols;
  for_each(cuda, h.numel(), [=] __device__(long k) {
    const long i = k / d, j = k % d;
    const Acc<T>* at = gates.row(i) + j;
    const Acc<T> r = at[0], z = at[d], n = at[2 * d], u = at[3 * d], dh_new = dy.data[k];
    const Acc<T> dn = dh_new * (1 - z) * (1 - n * n);
    const Acc<T> dr = dn * u * r * (1 - r), dz = dh_new * (h.data[k] - n) * z * (1 - z);
    Acc<T>*p = dP + i * 3 * d + j, *q = dQ + i * 3 * d + j;
    p[0] = q[0] = dr;
    p[d] = q[d] = dz;
    p[2 * d] = dn;
    q[2 * d] = dn * r;
    around[k] = dh_new * z;
  });
}

template <class T>
void add_rounded(Cuda cuda, const Acc<T>* sums, Matrix<T> to) {
  for_each(cuda, to.numel(), [=] __device__(long k) { to.data[k] = T(to.data[k] + sums[k]); });
}

// A copy in Acc<T>, which cuBLAS can multiply with; none where that is T itself.
template <class T>
class WideCopy {
 public:
  WideCopy(Cuda cuda, Matrix<const T> x) : copy_(cuda, kIsNarrow<T> ? x.numel() : 0) {
    if constexpr (kIsNarrow<T>) {
      cast<T, Acc<T>>(cuda, x, {copy_.data(), x.rows, x.cols});
      data_ = copy_.data();
    } else
      data_ = x.data;
  }
  const Acc<T>* data() const { return data_; }

 private:
  cuda::Scratch<Acc<T>> copy_;
  const Acc<T>* data_;
};

}  // namespace

template <class T>
void gru_cell(Cuda cuda, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h, Matrix<Acc<T>> gates,
              Matrix<T> y) {
  if (!h.numel()) return;
  const long n = h.rows, d = h.cols, k = m.cols;
  using A = Acc<T>;
  const WideCopy<T> messages(cuda, m), states(cuda, h);
  const cuda::Scratch<A> P(cuda, n * 3 * d), Q(cuda, n * 3 * d);
  cuda::gemm<A>(cuda, Op::none, Op::transpose, n, 3 * d, k, 1, messages.data(), k, W.W_ih.data, k, 0, P.data(), 3 * d);
  cuda::gemm<A>(cuda, Op::none, Op::transpose, n, 3 * d, d, 1, states.data(), d, W.W_hh.data, d, 0, Q.data(), 3 * d);
  close_gates<T>(cuda, P.data(), Q.data(), W.b_ih.data, W.b_hh.data, h, gates, y);
}

template <class T>
void gru_cell_adjoint_accumulate(Cuda cuda, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h,
                                 Matrix<const Acc<T>> gates, Matrix<const T> dy, const GruGradients<T>& to) {
  if (!h.numel()) return;
  const long n = h.rows, d = h.cols, k = m.cols;
  using A = Acc<T>;
  const WideCopy<T> messages(cuda, m), states(cuda, h);
  const cuda::Scratch<A> dP(cuda, n * 3 * d), dQ(cuda, n * 3 * d), around(cuda, n * d), sums(cuda, n * std::max(k, d));
  open_gates<T>(cuda, h, gates, dy, dP.data(), dQ.data(), around.data());
  const Matrix<const A> P{dP.data(), n, 3 * d}, Q{dQ.data(), n, 3 * d};
  if (to.dm.data) {
    cuda::gemm<A>(cuda, Op::none, Op::none, n, k, 3 * d, 1, P.data, 3 * d, W.W_ih.data, k, 0, sums.data(), k);
    add_rounded<T>(cuda, sums.data(), to.dm);
  }
  if (to.dh.data) {
    cuda::gemm<A>(cuda, Op::none, Op::none, n, d, 3 * d, 1, Q.data, 3 * d, W.W_hh.data, d, 1, around.data(), d);
    add_rounded<T>(cuda, around.data(), to.dh);
  }
  if (to.dW.W_ih.data)
    cuda::gemm<A>(cuda, Op::transpose, Op::none, 3 * d, k, n, 1, P.data, 3 * d, messages.data(), k, 1, to.dW.W_ih.data,
                  k);
  if (to.dW.W_hh.data)
    cuda::gemm<A>(cuda, Op::transpose, Op::none, 3 * d, d, n, 1, Q.data, 3 * d, states.data(), d, 1, to.dW.W_hh.data,
                  d);
  if (to.dW.b_ih.data) column_sum_accumulate<A>(cuda, P, to.dW.b_ih.data);
  if (to.dW.b_hh.data) column_sum_accumulate<A>(cuda, Q, to.dW.b_hh.data);
}

#define INSTANTIATE(T)                                                                                               \
  template void gru_cell(Cuda, const GruWeights<const Acc<T>>&, Matrix<const T>, Matrix<const T>, Matrix<Acc<T>>,    \
                         Matrix<T>);                                                                                 \
  template void gru_cell_adjoint_accumulate(Cuda, const GruWeights<const Acc<T>>&, Matrix<const T>, Matrix<const T>, \
                                            Matrix<const Acc<T>>, Matrix<const T>, const GruGradients<T>&);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
