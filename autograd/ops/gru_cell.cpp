#include "kernels/gru_cell/gru_cell.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor gru_cell(const Tensor& m, const Tensor& h, const Tensor& W_ih, const Tensor& W_hh, const Tensor& b_ih,
                const Tensor& b_hh, Tensor* gates_out) {
  const long n = h.rows(), d = h.cols();
  expect("gru_cell", m.rows() == n, "M has ", m.rows(), " rows, but H has ", n);
  expect("gru_cell", W_ih.shape() == Shape{3 * d, m.cols()}, "W_ih is ", W_ih.shape(),
         ", not [3d, columns of M] = ", Shape{3 * d, m.cols()});
  expect("gru_cell", W_hh.shape() == Shape{3 * d, d}, "W_hh is ", W_hh.shape(), ", not [3d, d] = ", Shape{3 * d, d});
  expect("gru_cell", b_ih.shape() == Shape{3 * d} && b_hh.shape() == Shape{3 * d}, "biases are ", b_ih.shape(), " and ",
         b_hh.shape(), ", not [3d] = ", Shape{3 * d});
  expect("gru_cell", m.dtype() == h.dtype(), "H is ", name_of(h.dtype()), ", but M is ", name_of(m.dtype()));
  expect_parameters("gru_cell", h, W_ih, W_hh, b_ih, b_hh);
  expect_one_device("gru_cell", h, m, W_ih, W_hh, b_ih, b_hh);

  Tensor y({n, d}, h.dtype(), h.device());
  // Kept for backward: 4 numbers for each of the state. Recomputing them would cost the forward GEMMs again to save
  // what is little beside one pair tensor.
  const Tensor gates({n, 4 * d}, acc_of(h.dtype()), h.device());
  dispatch(h.device(), h.dtype(), [&]<class T>(auto device, Type<T>) {
    using A = Acc<T>;
    kernels::gru_cell<T>(device, {W_ih.value<A>(), W_hh.value<A>(), b_ih.value<A>(), b_hh.value<A>()}, m.value<T>(),
                         h.value<T>(), gates.value<A>(), y.value<T>());
  });

  if (gates_out) *gates_out = gates;

  bool wanted = false;
  for (const Tensor* t : {&m, &h, &W_ih, &W_hh, &b_ih, &b_hh}) wanted = wanted || tape().wants(*t);
  if (wanted)
    tape().record("gru_cell", y, [m, h, W_ih, W_hh, b_ih, b_hh, gates, y] {
      dispatch(h.device(), h.dtype(), [&]<class T>(auto device, Type<T>) {
        using A = Acc<T>;
        const auto grad = []<class G>(Type<G>, const Tensor& t) { return t.needs_grad() ? t.grad<G>() : Matrix<G>{}; };
        const auto of = [&](const Tensor& t) { return grad(Type<A>{}, t); };
        kernels::gru_cell_adjoint_accumulate<T>(
            device, {W_ih.value<A>(), W_hh.value<A>(), b_ih.value<A>(), b_hh.value<A>()}, m.value<T>(), h.value<T>(),
            gates.value<A>(), y.grad<T>(),
            {grad(Type<T>{}, m), grad(Type<T>{}, h), {of(W_ih), of(W_hh), of(b_ih), of(b_hh)}});
      });
    });
  return y;
}

}  // namespace heartbeat
