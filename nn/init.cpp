#include "nn/init.h"

#include <utility>

#include "kernels/common/philox.h"

namespace heartbeat::nn {
namespace {

// value(block, lane) for lane 0 to 3 fills the tensor from left to right.
template <class F>
Tensor drawn(Init& init, Shape shape, F value) {
  const Tensor drawn(std::move(shape), init.dtype);
  const RandomStream stream = random_stream(init.seed, kInitStep, init.draws++, 0);
  dispatch(drawn.dtype(), [&]<class T>(Type<T>) {
    T* to = drawn.data<T>();
    for (long k = 0; k < drawn.numel(); ++k) to[k] = T(value(stream.block(k / 4), int(k % 4)));
  });
  Tensor t = drawn.to(init.device);
  t.set_needs_grad(true);
  return t;
}

Tensor constant(const Init& init, Shape shape, double value) {
  Tensor t = Tensor::full(std::move(shape), value, init.dtype, init.device);
  t.set_needs_grad(true);
  return t;
}

}  // namespace

Tensor Init::uniform(Shape shape, double bound) {
  return drawn(*this, std::move(shape), [width = float(bound)](const RandomBlock& block, int lane) {
    return width * (2 * uniform_below_one(block.word[lane]) - 1);
  });
}

Tensor Init::normal(Shape shape, double deviation) {
  return drawn(*this, std::move(shape), [width = float(deviation)](const RandomBlock& block, int lane) {
    const int pair = lane & ~1;
    const NormalPair z = normals(block.word[pair], block.word[pair + 1]);
    return width * (lane == pair ? z.first : z.second);
  });
}

Tensor Init::zeros(Shape shape) const {
  return constant(*this, std::move(shape), 0);
}
Tensor Init::ones(Shape shape) const {
  return constant(*this, std::move(shape), 1);
}

}  // namespace heartbeat::nn
