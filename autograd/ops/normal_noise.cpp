#include "kernels/normal_noise/normal_noise.h"

#include "autograd/random_key.h"

namespace heartbeat {

Tensor normal_noise(Shape shape, RandomKey key, Dtype dtype, Device device) {
  Tensor y(std::move(shape), dtype, device);
  dispatch_wide("normal_noise", y.device(), y.dtype(), [&]<class T>(auto device, Type<T>) {
    with_stream(device, key, [&](auto stream) { kernels::normal_noise<T>(device, stream, y.value<T>()); });
  });
  return y;
}

}  // namespace heartbeat
