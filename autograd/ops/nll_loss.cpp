#include "kernels/nll_loss/nll_loss.h"

#include "autograd/labels.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "kernels/elementwise/elementwise.h"

namespace heartbeat {

Tensor nll_loss(const Tensor& log_p, const Ids& labels) {
  expect_labels("nll_loss", log_p, *labels);

  Tensor loss({1}, log_p.dtype(), log_p.device());
  const Tensor mean({1}, Dtype::f64, log_p.device());
  dispatch_wide("nll_loss", log_p.device(), log_p.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::nll_loss<T>(device, log_p.value<T>(), labels.on(device), mean.data<double>());
    kernels::sum_of_terms<T>(device, mean.data<double>(), 1, loss.data<T>());
  });

  if (tape().wants(log_p))
    tape().record("nll_loss", loss, [log_p, labels, loss] {
      dispatch_wide("nll_loss", log_p.device(), log_p.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::nll_loss_backward<T>(device, labels.on(device), loss.grad<T>().data, log_p.grad<T>());
      });
    });
  return loss;
}

}  // namespace heartbeat
