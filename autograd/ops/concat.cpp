#include "kernels/concat/concat.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor concat(const Tensor& a, const Tensor& b) {
  expect("concat", a.rows() == b.rows(), "A is ", a.shape(), ", but B is ", b.shape());
  expect("concat", a.dtype() == b.dtype(), "A is ", name_of(a.dtype()), ", but B is ", name_of(b.dtype()));
  expect_one_device("concat", a, b);

  Tensor y({a.rows(), a.cols() + b.cols()}, a.dtype(), a.device());
  dispatch_wide("concat", a.device(), a.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::concat<T>(device, a.value<T>(), b.value<T>(), y.value<T>());
  });

  if (tape().wants(a) || tape().wants(b))
    tape().record("concat", y, [a, b, y] {
      dispatch_wide("concat", y.device(), y.dtype(), [&]<class T>(auto device, Type<T>) {
        if (a.needs_grad()) kernels::columns_accumulate<T>(device, y.grad<T>(), 0, a.grad<T>());
        if (b.needs_grad()) kernels::columns_accumulate<T>(device, y.grad<T>(), a.cols(), b.grad<T>());
      });
    });
  return y;
}

}  // namespace heartbeat
