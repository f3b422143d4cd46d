#include "kernels/embedding/embedding.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor embedding(const Tensor& weight, const Ids& ids) {
  expect("embedding", weight.shape().size() == 2, "the weight is ", weight.shape(), ", not [vocabulary, d]");
  for (size_t i = 0; i < ids->size(); ++i)
    expect("embedding", (*ids)[i] >= 0 && (*ids)[i] < weight.rows(), "id ", (*ids)[i], " at position ", i,
           " is outside a vocabulary of ", weight.rows());

  Tensor y({long(ids->size()), weight.cols()}, weight.dtype(), weight.device());
  dispatch_wide("embedding", weight.device(), weight.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::embedding<T>(device, ids.on(device), weight.value<T>(), y.value<T>());
  });

  if (tape().wants(weight))
    tape().record("embedding", y, [weight, ids, y] {
      dispatch_wide("embedding", weight.device(), weight.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::embedding_adjoint_accumulate<T>(device, ids.on(device), y.grad<T>(), weight.grad<T>());
      });
    });
  return y;
}

}  // namespace heartbeat
