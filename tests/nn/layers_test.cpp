#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nn/embedding.h"
#include "nn/graph_conv.h"
#include "nn/linear.h"
#include "nn/relation_conv.h"
#include "tests/support/chains.h"
#include "tests/support/modules.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;
using Names = std::vector<std::string>;

TEST(Linear, IsTheProductWithTheTransposedWeightPlusBias) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Linear linear(2, 3, init);
  std::copy_n(std::vector<double>{1, 2, 3, 4, 5, 6}.data(), 6, linear.W.data<double>());
  std::copy_n(std::vector<double>{10, 20, 30}.data(), 3, linear.b.data<double>());
  EXPECT_EQ(linear(Tensor::from({1, 2}, {1, -1}, Dtype::f64)).to_vector(), (std::vector<double>{9, 19, 29}));
}

TEST(Linear, NamesShapesAndStart) {
  Init init{.seed = 1};
  const Linear linear(100, 50, init);
  EXPECT_EQ(names_of(linear.parameters()), (Names{"weight", "bias"}));
  EXPECT_EQ(linear.W.shape(), (Shape{50, 100}));
  EXPECT_EQ(linear.b.shape(), Shape{50});
  for (const Tensor& t : {linear.W, linear.b}) {
    EXPECT_TRUE(t.needs_grad());
    EXPECT_LE(largest(t), 0.1);
    EXPECT_GT(largest(t), 0.08);
  }
}

TEST(Linear, GradientMatchesCentralDifferences) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Linear linear(3, 4, init);
  const Tensor x = random_normal({5, 3}, Dtype::f64, 2);
  EXPECT_LT(module_gap(linear.parameters(), {x}, [&] { return linear(x); }), kGradientBound);
}

TEST(Embedding, NamesShapesAndStart) {
  Init init{.seed = 1};
  const Embedding embedding(21, 96, init);
  EXPECT_EQ(names_of(embedding.parameters()), Names{"weight"});
  EXPECT_EQ(embedding.W.shape(), (Shape{21, 96}));
  double sum = 0;
  for (double v : embedding.W.to_vector()) sum += v * v;
  EXPECT_NEAR(sum / embedding.W.numel(), 1, 0.1);
}

// One channel that passes unchanged: what is left is what the graph does.
template <class Conv>
void make_transparent(const Conv& conv) {
  for (const NamedTensor& p : conv.parameters())
    std::fill_n(p.tensor.template data<double>(), p.tensor.numel(), p.name.ends_with("weight") ? 1. : 0.);
}

TEST(GraphConv, OnAChainIsABoxBlur) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Layout layout = layout_of({single_chain(21)});
  const ChainGraphConv conv(1, 1, 2, 1, init);
  make_transparent(conv);
  Tensor x = Tensor::zeros({21, 1}, Dtype::f64);
  x.data<double>()[10] = 1;
  const Tensor y = conv(layout, x);
  for (long i = 0; i < 21; ++i) EXPECT_NEAR(y.at(i), std::abs(i - 10) <= 2 ? 0.2 : 0, 1e-7) << "residue " << i;

  const Tensor constant = conv(layout, Tensor::full({21, 1}, 3, Dtype::f64));
  for (long i = 4; i < 17; ++i) EXPECT_NEAR(constant.at(i), 3, 1e-6) << "away from the ends, residue " << i;
}

TEST(GraphConv, NamesAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Layout layout = layout_of({single_chain(6), member_of({{0, 0, 3}, {1, 0, 2}})});
  const ChainGraphConv conv(2, 3, 2, 1, init);
  EXPECT_EQ(names_of(conv.parameters()), (Names{"linear.weight", "linear.bias"}));
  const Tensor x = random_normal({11, 2}, Dtype::f64, 2);
  EXPECT_LT(module_gap(conv.parameters(), {x}, [&] { return conv(layout, x); }), kGradientBound);
}

TEST(RelationConv, NamesShapesStartAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Layout layout = layout_of({single_chain(6), member_of({{0, 0, 3}, {1, 0, 2}})});
  const RelationConv conv(2, 3, 2, 2, init);
  EXPECT_EQ(names_of(conv.parameters()), (Names{"weight", "bias"}));
  EXPECT_EQ(conv.W.shape(), (Shape{5, 2, 3}));
  EXPECT_EQ(conv.offsets, (std::vector<int>{0, -2, 2, -4, 4}));
  EXPECT_LE(largest(conv.W), 1 / std::sqrt(10.));
  const Tensor x = random_normal({11, 2}, Dtype::f64, 2);
  EXPECT_LT(module_gap(conv.parameters(), {x}, [&] { return conv(layout, x); }), kGradientBound);
}

// Largest distance between f(reversed x) and reversed f(x).
template <class Conv>
double mirror_gap(const Conv& conv) {
  const Layout layout = layout_of({single_chain(12)});
  const Tensor x = random_normal({12, 1}, Dtype::f64, 2);
  std::vector<double> reversed = x.to_vector();
  std::reverse(reversed.begin(), reversed.end());
  const Tensor y = conv(layout, x), mirrored = conv(layout, Tensor::from({12, 1}, reversed, Dtype::f64));
  double gap = 0;
  for (long i = 0; i < 12; ++i) gap = std::max(gap, std::abs(y.at(i) - mirrored.at(11 - i)));
  return gap;
}

TEST(RelationConv, TellsTheResidueBeforeFromTheResidueAfterAndAPlainGcnCannot) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  EXPECT_LT(mirror_gap(ChainGraphConv(1, 1, 2, 1, init)), 1e-12);
  EXPECT_GT(mirror_gap(RelationConv(1, 1, 2, 1, init)), 1e-2);
}

}  // namespace
}  // namespace heartbeat::nn
