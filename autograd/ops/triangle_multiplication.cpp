#include "kernels/triangle_multiplication/triangle_multiplication.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor triangle_multiplication(const Layout& layout, const Tensor& a, const Tensor& b, Triangle form) {
  const char* const op = "triangle_multiplication";
  expect(op, a.rows() == layout->pairs(), "a has ", a.rows(), " rows, but the batch has ", layout->pairs(), " pairs");
  expect(op, a.shape() == b.shape(), "a is ", a.shape(), ", but b is ", b.shape());
  expect(op, a.dtype() == b.dtype(), "a is ", name_of(a.dtype()), ", but b is ", name_of(b.dtype()));
  expect_one_device(op, a, b);

  Tensor z(a.shape(), a.dtype(), a.device());
  dispatch(a.device(), a.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::triangle_multiplication<T>(device, layout->view(device), a.value<T>(), b.value<T>(), form, z.value<T>());
  });

  if (tape().wants(a) || tape().wants(b))
    tape().record(op, z, [=] {
      dispatch(a.device(), a.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::triangle_multiplication_backward<T>(device, layout->view(device), z.grad<T>(), a.value<T>(),
                                                     b.value<T>(), form, a.needs_grad() ? a.grad<T>() : Matrix<T>{},
                                                     b.needs_grad() ? b.grad<T>() : Matrix<T>{});
      });
    });
  return z;
}

}  // namespace heartbeat
