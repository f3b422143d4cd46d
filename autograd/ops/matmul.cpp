#include "kernels/matmul/matmul.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor matmul(const Tensor& a, const Tensor& b) {
  expect("matmul", a.cols() == b.rows(), "A is ", a.shape(), ", but B is ", b.shape());
  expect("matmul", a.dtype() == b.dtype(), "A is ", name_of(a.dtype()), ", but B is ", name_of(b.dtype()));
  expect_one_device("matmul", a, b);

  Tensor y({a.rows(), b.cols()}, a.dtype(), a.device());
  dispatch(a.device(), a.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::matmul<T>(device, a.value<T>(), b.value<T>(), y.value<T>());
  });

  if (tape().wants(a) || tape().wants(b))
    tape().record("matmul", y, [a, b, y] {
      dispatch(a.device(), a.dtype(), [&]<class T>(auto device, Type<T>) {
        if (a.needs_grad()) kernels::matmul_transposed_accumulate<T>(device, y.grad<T>(), b.value<T>(), a.grad<T>());
        if (b.needs_grad()) kernels::outer_sum_accumulate<T>(device, a.value<T>(), y.grad<T>(), b.grad<T>());
      });
    });
  return y;
}

Tensor matmul_transposed(const Tensor& x, const Tensor& W) {
  expect("matmul_transposed", x.cols() == W.cols(), "x is ", x.shape(), ", but W is ", W.shape());
  expect("matmul_transposed", x.dtype() == W.dtype(), "x is ", name_of(x.dtype()), ", but W is ", name_of(W.dtype()));
  expect_one_device("matmul_transposed", x, W);

  Tensor y({x.rows(), W.rows()}, x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::matmul_transposed<T>(device, x.value<T>(), W.value<T>(), y.value<T>());
  });

  if (tape().wants(x) || tape().wants(W))
    tape().record("matmul_transposed", y, [x, W, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        if (x.needs_grad()) kernels::matmul_accumulate<T>(device, y.grad<T>(), W.value<T>(), x.grad<T>());
        if (W.needs_grad()) kernels::outer_sum_accumulate<T>(device, y.grad<T>(), x.value<T>(), W.grad<T>());
      });
    });
  return y;
}

}  // namespace heartbeat
