#include "kernels/layer_norm/layer_norm.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {
namespace {

template <class T>
T* gradient_or_null(const Tensor& t) {
  return t.needs_grad() ? t.grad<T>().data : nullptr;
}

Tensor normalise(const char* op, bool with_silu, const Tensor& x, const Tensor& gain, const Tensor& bias,
                 double epsilon) {
  expect(op, gain.numel() == x.cols() && bias.numel() == x.cols(), "x is ", x.shape(), ", but gain is ", gain.shape(),
         " and bias is ", bias.shape());
  expect_parameters(op, x, gain, bias);
  expect_one_device(op, x, gain, bias);

  Tensor y(x.shape(), x.dtype(), x.device());
  const Tensor statistics({x.rows(), 2}, acc_of(x.dtype()), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    const auto kernel = [&](auto... a) {
      with_silu ? kernels::layer_norm_silu<T>(a...) : kernels::layer_norm<T>(a...);
    };
    kernel(device, x.value<T>(), gain.data<Acc<T>>(), bias.data<Acc<T>>(), epsilon, y.value<T>(),
           statistics.value<Acc<T>>());
  });

  if (tape().wants(x) || tape().wants(gain) || tape().wants(bias))
    tape().record(op, y, [with_silu, x, gain, bias, y, statistics] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        const auto kernel = [&](auto... a) {
          with_silu ? kernels::layer_norm_silu_backward<T>(a...) : kernels::layer_norm_backward<T>(a...);
        };
        kernel(device, x.value<T>(), gain.data<Acc<T>>(), bias.data<Acc<T>>(), statistics.value<Acc<T>>(), y.grad<T>(),
               gradient_or_null<T>(x), gradient_or_null<Acc<T>>(gain), gradient_or_null<Acc<T>>(bias));
      });
    });
  return y;
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  return normalise("layer_norm", false, x, gain, bias, epsilon);
}
Tensor layer_norm_silu(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  return normalise("layer_norm_silu", true, x, gain, bias, epsilon);
}

}  // namespace heartbeat
