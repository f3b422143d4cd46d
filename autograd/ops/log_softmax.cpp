#include "kernels/log_softmax/log_softmax.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor log_softmax(const Tensor& x) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch_wide("log_softmax", x.device(), x.dtype(),
                [&]<class T>(auto device, Type<T>) { kernels::log_softmax<T>(device, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("log_softmax", y, [x, y] {
      dispatch_wide("log_softmax", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::log_softmax_backward<T>(device, y.value<T>(), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

}  // namespace heartbeat
