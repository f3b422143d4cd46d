#include "nn/gated_graph_conv.h"

#include <gtest/gtest.h>

#include "tests/support/chains.h"
#include "tests/support/modules.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

TEST(GatedGraphConv, NamesAndShapesAreThoseOfTheArticle) {
  Init init{.seed = 1};
  const GatedGraphConv ggn(96, 6, 2, init);
  const std::vector<std::string> names = {"ggn.weight", "ggn.gru.weight_ih", "ggn.gru.weight_hh", "ggn.gru.bias_ih",
                                          "ggn.gru.bias_hh"};
  const std::vector<Shape> shapes = {{5, 96, 96}, {288, 96}, {288, 96}, {288}, {288}};
  const Parameters parameters = prefixed({{"ggn", ggn.parameters()}});
  EXPECT_EQ(names_of(parameters), names);
  for (size_t k = 0; k < parameters.size(); ++k) {
    EXPECT_EQ(parameters[k].tensor.shape(), shapes[k]) << names[k];
    EXPECT_TRUE(parameters[k].tensor.needs_grad()) << names[k];
  }
}

// Shared weights: the gradient of a parameter is a sum over the steps.
TEST(GatedGraphConv, GradientMatchesCentralDifferences) {
  for (int steps : {0, 1, 3}) {
    SCOPED_TRACE(::testing::Message() << steps << " steps");
    Init init{.seed = 1, .dtype = Dtype::f64};
    const Layout layout = layout_of({single_chain(5), member_of({{0, 0, 3}, {1, 0, 2}})});
    const GatedGraphConv ggn(3, steps, 2, init);
    Tensor h = random_normal({10, 3}, Dtype::f64, 2);
    EXPECT_LT(module_gap(ggn.parameters(), {h}, [&] { return add(ggn(layout, h), h); }), kGradientBound);
  }
}

TEST(GatedGraphConv, AStepIsTheRecurrentUnitOnTheSumOfTheNeighbours) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const Layout layout = layout_of({single_chain(4)});
  const GatedGraphConv ggn(2, 1, 1, init);
  const Tensor h = random_normal({4, 2}, Dtype::f64, 2);
  Tensor m = Tensor::zeros({4, 2}, Dtype::f64);
  const std::vector<int> offsets = {0, -1, 1};
  for (int i = 0; i < 4; ++i)
    for (int r = 0; r < 3; ++r) {
      const int u = i + offsets[r];
      for (int from = 0; from < 2; ++from)
        for (int to = 0; to < 2; ++to)
          if (u >= 0 && u < 4) m.data<double>()[i * 2 + to] += h.at(u * 2 + from) * ggn.W.at((r * 2 + from) * 2 + to);
    }
  const Tensor got = ggn(layout, h), want = ggn.gru(m, h);
  for (long e = 0; e < 8; ++e) EXPECT_NEAR(got.at(e), want.at(e), 1e-14);
}

}  // namespace
}  // namespace heartbeat::nn
