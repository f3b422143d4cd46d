#include "kernels/max_pool/max_pool.h"

#include <limits>

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor max_pool(const Tensor& x, int size, int stride) {
  expect("max_pool", x.shape().size() == 4, "x is ", x.shape(), ", but must be [images, channels, height, width]");
  expect("max_pool", size >= 1 && stride >= 1, "size is ", size, " and stride ", stride, ", but must be at least 1");
  expect("max_pool", size <= x.dim(2) && size <= x.dim(3), "x is ", x.shape(), ", which has no room for a window of ",
         size, " x ", size);
  expect("max_pool", x.dim(2) * x.dim(3) <= std::numeric_limits<std::int32_t>::max(), "x is ", x.shape(),
         ", but a plane may have at most 2^31 - 1 pixels");

  const kernels::MaxPoolShape shape{x.dim(0) * x.dim(1), x.dim(2), x.dim(3), size, stride};
  Tensor y({x.dim(0), x.dim(1), shape.out_height(), shape.out_width()}, x.dtype(), x.device());
  const bool recorded = tape().wants(x);
  const auto from = recorded ? std::make_shared<Storage>(x.device(), y.numel() * sizeof(std::int32_t)) : nullptr;
  const auto places = [](const auto& from) { return from ? reinterpret_cast<std::int32_t*>(from->data()) : nullptr; };
  dispatch_wide("max_pool", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::max_pool<T>(device, shape, x.data<T>(), y.data<T>(), places(from));
  });

  if (recorded)
    tape().record("max_pool", y, [shape, x, y, from, places] {
      dispatch_wide("max_pool", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::max_pool_dx_accumulate<T>(device, shape, y.grad<T>().data, places(from), x.grad<T>().data);
      });
    });
  return y;
}

}  // namespace heartbeat
