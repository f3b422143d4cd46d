#include "kernels/matmul/matmul.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor matmul(const Tensor& x, const Tensor& W) {
  expect("matmul", x.cols() == W.rows(), "A is ", x.shape(), ", but B is ", W.shape());
  expect_parameters("matmul", x, W);
  expect_one_device("matmul", x, W);

  Tensor y({x.rows(), W.cols()}, x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::matmul<T>(device, x.value<T>(), W.value<Acc<T>>(), y.value<T>());
  });

  if (tape().wants(x) || tape().wants(W))
    tape().record("matmul", y, [x, W, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        if (x.needs_grad())
          kernels::matmul_transposed_accumulate<T>(device, y.grad<T>(), W.value<Acc<T>>(), x.grad<T>());
        if (W.needs_grad()) kernels::outer_sum_accumulate<T>(device, x.value<T>(), y.grad<T>(), W.grad<Acc<T>>());
      });
    });
  return y;
}

namespace {

// The result is stored as the activations are, or as W is.
Tensor times_transposed(const char* op, const Tensor& x, const Tensor& W, bool wide) {
  expect(op, x.cols() == W.cols(), "x is ", x.shape(), ", but W is ", W.shape());
  expect_parameters(op, x, W);
  expect_one_device(op, x, W);

  Tensor y({x.rows(), W.rows()}, wide ? W.dtype() : x.dtype(), x.device());
  // f<T, Y>(device), the types in which x and y are stored.
  const auto run = [x, y](auto f) {
    dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
      y.dtype() == x.dtype() ? f.template operator()<T, T>(device) : f.template operator()<T, Acc<T>>(device);
    });
  };
  run([&]<class T, class Y>(auto device) {
    kernels::matmul_transposed<T, Y>(device, x.value<T>(), W.value<Acc<T>>(), y.value<Y>());
  });

  if (tape().wants(x) || tape().wants(W))
    tape().record(op, y, [x, W, y, run] {
      run([&]<class T, class Y>(auto device) {
        if (x.needs_grad()) kernels::matmul_accumulate<Y, T>(device, y.grad<Y>(), W.value<Acc<T>>(), x.grad<T>());
        if (W.needs_grad()) kernels::outer_sum_accumulate<Y, T>(device, y.grad<Y>(), x.value<T>(), W.grad<Acc<T>>());
      });
    });
  return y;
}

}  // namespace

Tensor matmul_transposed(const Tensor& x, const Tensor& W) {
  return times_transposed("matmul_transposed", x, W, false);
}
Tensor matmul_transposed_wide(const Tensor& x, const Tensor& W) {
  return times_transposed("matmul_transposed_wide", x, W, true);
}

}  // namespace heartbeat
