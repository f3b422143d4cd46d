// Two classifiers of handwritten digits. Both take images [n, 1, 28, 28] and give logits [n, 10].
#pragma once

#include <optional>

#include "nn/activations.h"
#include "nn/conv2d.h"
#include "nn/linear.h"

namespace heartbeat::nn {

// The article's network: two convolutions and two dense layers, and between them, if wanted, a module that is fed with
// noise and cannot help. 436,190 parameters with it, 431,080 without; names as in the article's PyTorch notebook.
//
//   conv1 1 to 20, 5x5; ReLU; 2x2 max pool      conv2 20 to 50, 5x5; ReLU; 2x2 max pool; flattened to 800
//   rand_fc 10 to 10 on noise; ReLU; appended: 810
//   fc1 to 500; ReLU; fc2 to 10
struct MnistNet {
  static constexpr int kNoise = 10;  // numbers for each image

  MnistNet(bool noise_module, Init& init);

  // noise [n, kNoise]; not read where there is no noise module, and may be undefined there.
  Tensor operator()(const Tensor& images, const Tensor& noise) const;
  // What the article feeds: N(0, 1), drawn anew at every forward pass, here named by a key. Undefined where there is no
  // noise module.
  Tensor noise(long n, RandomKey key) const;
  Parameters parameters() const;

  Conv2d conv1, conv2;
  std::optional<Linear> rand_fc;
  Linear fc1, fc2;
};

// 784 to 128, ReLU, 128 to 10: 101,770 parameters, for comparison.
struct MnistMlp {
  explicit MnistMlp(Init& init) : fc1(784, 128, init), fc2(128, 10, init) {}

  Tensor operator()(const Tensor& images) const {
    return leaving("fc2", fc2(leaving("fc1", relu(fc1(images.reshape({images.dim(0), 784}))))));
  }
  Parameters parameters() const { return prefixed({{"fc1", fc1.parameters()}, {"fc2", fc2.parameters()}}); }

  Linear fc1, fc2;
};

}  // namespace heartbeat::nn
