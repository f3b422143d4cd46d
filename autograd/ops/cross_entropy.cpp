#include "kernels/cross_entropy/cross_entropy.h"

#include "autograd/labels.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "kernels/elementwise/elementwise.h"

namespace heartbeat {

Tensor cross_entropy(const Tensor& x, const Ids& labels) {
  expect_labels("cross_entropy", x, *labels);

  // The gradient for dy = 1, made in the same pass as the loss; none is made where nobody will ask for it.
  const Tensor slope = tape().wants(x) ? Tensor(x.shape(), x.dtype(), x.device()) : Tensor();
  Tensor loss({1}, x.dtype(), x.device());
  const Tensor mean({1}, Dtype::f64, x.device());
  dispatch_wide("cross_entropy", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::cross_entropy<T>(device, x.value<T>(), labels.on(device), mean.data<double>(),
                              slope.defined() ? slope.value<T>() : Matrix<T>{});
    kernels::sum_of_terms<T>(device, mean.data<double>(), 1, loss.data<T>());
  });

  if (slope.defined())
    tape().record("cross_entropy", loss, [x, slope, loss] {
      dispatch_wide("cross_entropy", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::scale_by_accumulate<T>(device, loss.grad<T>().data, slope.value<T>(), x.grad<T>());
      });
    });
  return loss;
}

}  // namespace heartbeat
