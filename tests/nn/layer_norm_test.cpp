#include "nn/layer_norm.h"

#include <gtest/gtest.h>

#include "tests/support/modules.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

TEST(LayerNorm, NamesStartAndGradient) {
  Init init{.seed = 1, .dtype = Dtype::f64};
  const LayerNorm norm(5, init);
  EXPECT_EQ(names_of(norm.parameters()), (std::vector<std::string>{"weight", "bias"}));
  const Tensor x = random_normal({4, 5}, Dtype::f64, 2), y = norm(x);
  for (long i = 0; i < 4; ++i) {
    double sum = 0, squares = 0;
    for (long j = 0; j < 5; ++j) sum += y.at(i * 5 + j), squares += y.at(i * 5 + j) * y.at(i * 5 + j);
    EXPECT_NEAR(sum, 0, 1e-12);
    EXPECT_NEAR(squares / 5, 1, 1e-3);  // epsilon keeps it just below 1
  }
  EXPECT_LT(module_gap(norm.parameters(), {x}, [&] { return norm(x); }), kGradientBound);
  EXPECT_LT(module_gap(norm.parameters(), {x}, [&] { return norm.silu(x); }), kGradientBound);
  const Tensor fused = norm.silu(x), apart = silu(norm(x));
  for (long e = 0; e < x.numel(); ++e) EXPECT_NEAR(fused.at(e), apart.at(e), 1e-12);
}

}  // namespace
}  // namespace heartbeat::nn
