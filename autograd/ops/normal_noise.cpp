#include "kernels/normal_noise/normal_noise.h"

#include "autograd/ops.h"

namespace heartbeat {

Tensor normal_noise(Shape shape, RandomKey key, Dtype dtype, Device device) {
  const RandomStream stream = random_stream(key.seed, key.step, key.layer, 0);
  Tensor y(std::move(shape), dtype, device);
  dispatch(y.device(), y.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::normal_noise<T>(device, stream, y.value<T>()); });
  return y;
}

}  // namespace heartbeat
