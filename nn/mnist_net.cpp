#include "nn/mnist_net.h"

#include "nn/activations.h"

namespace heartbeat::nn {

MnistNet::MnistNet(bool noise_module, Init& init)
    : conv1(1, 20, 5, init),
      conv2(20, 50, 5, init),
      rand_fc(noise_module ? std::optional<Linear>(std::in_place, kNoise, kNoise, init) : std::nullopt),
      fc1(noise_module ? 800 + kNoise : 800, 500, init),
      fc2(500, 10, init) {}

Tensor MnistNet::operator()(const Tensor& images, const Tensor& noise) const {
  expect("mnist_net", images.shape().size() == 4 && images.dim(1) == 1 && images.dim(2) == 28 && images.dim(3) == 28,
         "images are ", images.shape(), ", not [n, 1, 28, 28]");
  // Pooling first gives the same values and gradients as ReLU first, on a quarter of the elements.
  const Tensor first = leaving("conv1", relu(max_pool(conv1(images), 2, 2)));
  const Tensor second = leaving("conv2", relu(max_pool(conv2(first), 2, 2)));
  Tensor features = second.reshape({images.dim(0), 800});
  if (rand_fc) features = concat(features, leaving("rand_fc", relu((*rand_fc)(noise))));
  return leaving("fc2", fc2(leaving("fc1", relu(fc1(features)))));
}

Tensor MnistNet::noise(long n, RandomKey key) const {
  return rand_fc ? normal_noise({n, kNoise}, key, fc2.b.dtype(), fc2.b.device()) : Tensor();
}

Parameters MnistNet::parameters() const {
  return prefixed({{"conv1", conv1.parameters()},
                   {"conv2", conv2.parameters()},
                   {"rand_fc", rand_fc ? rand_fc->parameters() : Parameters{}},
                   {"fc1", fc1.parameters()},
                   {"fc2", fc2.parameters()}});
}

}  // namespace heartbeat::nn
