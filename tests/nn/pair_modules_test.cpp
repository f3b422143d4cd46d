#include <gtest/gtest.h>

#include <cmath>

#include "nn/contact_head.h"
#include "nn/pair_block.h"
#include "nn/pair_init.h"
#include "nn/triangle_multiplication.h"
#include "tests/support/modules.h"
#include "tests/support/pair_layouts.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

using Names = std::vector<std::string>;

// A norm over very few channels meets rows that are nearly constant, where central differences are no reference.
constexpr int kChannelsHere = 6;

Layout small_layout() {
  return layout_of({complex_of({2, 3}), single_chain(1), crop_of({{0, 2}, {3, 5}})});
}

// Zeros and ones that modules start with hide mistakes.
void randomise(const Parameters& parameters) {
  unsigned seed = 100;
  for (const NamedTensor& p : parameters) {
    const Tensor random = random_normal(p.tensor.shape(), p.tensor.dtype(), seed++);
    for (long k = 0; k < random.numel(); ++k) p.tensor.data<double>()[k] += 0.3 * random.at(k);
  }
}

TEST(PairInitModule, NamesCountAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  EXPECT_EQ(count_of(PairInit(96, 64, init).parameters()), 22592);
  const PairInit module(3, 4, init);
  EXPECT_EQ(names_of(module.parameters()),
            (Names{"left.weight", "right.weight", "product.weight", "separation.weight", "bias"}));
  const Layout layout = small_layout();
  const Tensor h = random_normal({layout->residues(), 3}, Dtype::f64, 1);
  EXPECT_LT(module_gap(module.parameters(), {h}, [&] { return module(layout, h); }), kGradientBound);
}

TEST(PairBlockModule, NamesCountAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  EXPECT_EQ(count_of(PairBlock({.channels = 64}, init).parameters()), 74112);
  EXPECT_EQ(names_of(PairBlock({.channels = 2}, init).parameters()),
            (Names{"norm1.weight", "norm1.bias", "conv1.weight", "conv1.bias", "norm2.weight", "norm2.bias",
                   "conv2.weight", "conv2.bias"}));
  const Layout layout = small_layout();
  const Tensor x = random_normal({layout->pairs(), kChannelsHere}, Dtype::f64, 1);
  for (Tie tie : {Tie::none, Tie::transpose}) {
    const PairBlock block({.channels = kChannelsHere, .dilation = 2, .tie = tie, .dropout = 0.3, .layer = 4}, init);
    randomise(block.parameters());
    for (bool training : {false, true}) {
      const Mode mode{.training = training, .step = 3, .seed = 7};
      EXPECT_LT(module_gap(block.parameters(), {x}, [&] { return block(layout, x, mode); }), kGradientBound)
          << "tie " << int(tie) << ", training " << training;
    }
  }
}

TEST(PairBlockModule, DropoutFollowsSeedStepAndLayerAndRestsOutsideTraining) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  PairBlock block({.channels = 8, .dropout = 0.5, .layer = 1}, init);
  const Layout layout = small_layout();
  const Tensor x = random_normal({layout->pairs(), 8}, Dtype::f64, 1);
  const NoGrad no_grad;
  const auto y = [&](const Mode& mode) { return block(layout, x, mode).to_vector(); };
  const std::vector<double> first = y({true, 1, 1}), resting = y({});
  EXPECT_EQ(y({true, 1, 1}), first);
  EXPECT_NE(y({true, 2, 1}), first);
  EXPECT_NE(y({true, 1, 2}), first);
  EXPECT_NE(first, resting);
  EXPECT_EQ(y({false, 5, 5}), resting);
  block.layer = 2;
  EXPECT_NE(y({true, 1, 1}), first);
}

TEST(PairBlockModule, ZeroResidualGainIsTheIdentity) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const PairBlock block({.channels = 4, .residual_gain = 0}, init);
  const Layout layout = small_layout();
  const Tensor x = random_normal({layout->pairs(), 4}, Dtype::f64, 1);
  EXPECT_EQ(block(layout, x, {}).to_vector(), x.to_vector());
  tape().clear();
}

TEST(TriangleModule, NamesCountAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  EXPECT_EQ(count_of(TriangleMultiplication(64, 32, Triangle::oriented, init).parameters()), 14784);
  const Layout layout = small_layout();
  const Tensor x = random_normal({layout->pairs(), kChannelsHere}, Dtype::f64, 1);
  for (Triangle form : {Triangle::oriented, Triangle::symmetric}) {
    const TriangleMultiplication module(kChannelsHere, 5, form, init);
    EXPECT_EQ(names_of(module.parameters()),
              (Names{"norm.weight", "norm.bias", "a.weight", "a.bias", "a_gate.weight", "a_gate.bias", "b.weight",
                     "b.bias", "b_gate.weight", "b_gate.bias", "product_norm.weight", "product_norm.bias",
                     "out_gate.weight", "out_gate.bias", "out.weight", "out.bias"}));
    randomise(module.parameters());
    EXPECT_LT(module_gap(module.parameters(), {x}, [&] { return module(layout, x); }), kGradientBound);
  }
}

TEST(TriangleModule, StartsAsTheIdentityWithOpenGates) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const TriangleMultiplication module(4, 3, Triangle::oriented, init);
  const Layout layout = small_layout();
  const Tensor x = random_normal({layout->pairs(), 4}, Dtype::f64, 1);
  EXPECT_EQ(module(layout, x).to_vector(), x.to_vector());
  tape().clear();
  for (const Linear* gate : {&module.a_gate, &module.b_gate, &module.out_gate})
    EXPECT_EQ(gate->b.to_vector(), std::vector<double>(gate->b.numel(), 1.0));
}

TEST(ContactHeadModule, NamesCountAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  EXPECT_EQ(count_of(ContactHead(64, 8, {}, init).parameters()), 4808);
  const ContactHead head(5, 3, {0.1, 0.2, 0.3}, init);
  EXPECT_EQ(names_of(head.parameters()),
            (Names{"norm.weight", "norm.bias", "hidden.weight", "hidden.bias", "out.weight", "out.bias"}));
  const Tensor x = random_normal({7, 5}, Dtype::f64, 1);
  EXPECT_LT(module_gap(head.parameters(), {x}, [&] { return head(x); }), kGradientBound);
}

TEST(ContactHeadModule, BiasStartsAtTheLogOddsOfTheChannel) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const ContactHead head(4, 3, {0.5, 0.01, 0}, init);
  EXPECT_NEAR(head.out.b.at(0), 0, 1e-15);
  EXPECT_NEAR(head.out.b.at(1), std::log(0.01 / 0.99), 1e-12);
  EXPECT_NEAR(head.out.b.at(2), std::log(1e-6 / (1 - 1e-6)), 1e-12);
  EXPECT_EQ(ContactHead(4, 2, {}, init).out.b.to_vector(), (std::vector<double>{0, 0}));
  try {
    ContactHead(4, 3, {0.5}, init);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "contact_head: there are 3 channels, but 1 frequencies");
  }
}

}  // namespace
}  // namespace heartbeat::nn
