#include "nn/mnist_net.h"

#include <gtest/gtest.h>

#include "tests/support/labels.h"
#include "tests/support/modules.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

TEST(MnistNet, HasTheArticlesParameters) {
  nn::Init init{.seed = 17};
  const nn::MnistNet net(/*noise_module=*/true, init);
  EXPECT_EQ(count_of(net.parameters()), 436'190);
  EXPECT_EQ(names_of(net.parameters()),
            (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "rand_fc.weight",
                                      "rand_fc.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
  const nn::MnistNet without(/*noise_module=*/false, init);
  EXPECT_EQ(count_of(without.parameters()), 431'080);
  EXPECT_EQ(without.parameters().size(), 8u);
  EXPECT_EQ(count_of(nn::MnistMlp(init).parameters()), 101'770);
}

TEST(MnistNet, StartsUniformInTheRootOfItsInputs) {
  nn::Init init{.seed = 17};
  const nn::MnistNet net(true, init);
  for (const auto& [tensor, inputs] :
       {std::pair(net.conv1.W, 25.), {net.conv2.W, 500.}, {net.conv2.b, 500.}, {net.fc1.W, 810.}, {net.fc2.b, 500.}}) {
    const double bound = 1 / std::sqrt(inputs);
    EXPECT_LE(largest(tensor), bound);
    EXPECT_GT(largest(tensor), 0.8 * bound);
  }
}

TEST(MnistNet, GradientMatchesCentralDifferences) {
  nn::Init init{.seed = 3, .dtype = Dtype::f64};
  const nn::Conv2d conv(2, 3, 3, init, /*stride=*/2, /*padding=*/1);
  const Tensor x = random_normal({2, 2, 5, 7}, Dtype::f64, 1);
  EXPECT_LT(module_gap(conv.parameters(), {x}, [&] { return conv(x); }), kGradientBound);

  // The whole network has too many coordinates: only a few small tensors, and the noise, are moved.
  const nn::MnistNet net(true, init);
  const Tensor images = random_normal({1, 1, 28, 28}, Dtype::f64, 2), noise = random_normal({1, 10}, Dtype::f64, 3);
  const Ids labels = these_labels({8});
  EXPECT_LT(gradient_gap({net.conv1.b, net.rand_fc->b, net.fc2.b, noise},
                         [&] { return cross_entropy(net(images, noise), labels); }),
            kGradientBound);
}

TEST(MnistNet, NoiseIsDrawnByNameAndOnlyWhereItIsWanted) {
  nn::Init init{.seed = 17};
  const nn::MnistNet net(true, init), without(false, init);
  const Tensor images = random_normal({4, 1, 28, 28}, Dtype::f32, 1);
  const auto logits = [&](std::uint32_t step) {
    return net(images, net.noise(4, {.seed = 1, .step = step})).to_vector();
  };
  EXPECT_EQ(logits(1), logits(1));
  EXPECT_NE(logits(1), logits(2));
  EXPECT_FALSE(without.noise(4, {}).defined());
  EXPECT_EQ(without(images, Tensor()).shape(), (Shape{4, 10}));
  EXPECT_EQ(nn::MnistMlp(init)(images).shape(), (Shape{4, 10}));
}

TEST(MnistNet, OtherImagesAreRefused) {
  nn::Init init{.seed = 17};
  const nn::MnistNet net(true, init);
  try {
    net(Tensor::zeros({4, 28, 28}), Tensor::zeros({4, 10}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "mnist_net: images are [4, 28, 28], not [n, 1, 28, 28]");
  }
}

}  // namespace
}  // namespace heartbeat
