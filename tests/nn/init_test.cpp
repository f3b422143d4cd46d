#include "nn/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace heartbeat {
namespace {

TEST(Init, OneSeedGivesTheSameValuesAndTwoCallsDiffer) {
  nn::Init one{.seed = 5}, again{.seed = 5}, other{.seed = 6};
  const std::vector<double> first = one.normal({33, 7}, 1).to_vector();
  EXPECT_EQ(first, again.normal({33, 7}, 1).to_vector());
  EXPECT_NE(first, one.normal({33, 7}, 1).to_vector());
  EXPECT_NE(first, other.normal({33, 7}, 1).to_vector());
}

TEST(Init, BothDtypesHoldTheSameNumbers) {
  nn::Init single{.seed = 5, .dtype = Dtype::f32}, twice{.seed = 5, .dtype = Dtype::f64};
  EXPECT_EQ(single.uniform({101}, 0.3).to_vector(), twice.uniform({101}, 0.3).to_vector());
  EXPECT_EQ(single.normal({101}, 0.3).to_vector(), twice.normal({101}, 0.3).to_vector());
}

TEST(Init, ParametersWantGradients) {
  nn::Init init;
  for (const Tensor& t : {init.uniform({2}, 1), init.normal({2}, 1), init.zeros({2}), init.ones({2})})
    EXPECT_TRUE(t.needs_grad());
  EXPECT_EQ(init.zeros({3}).to_vector(), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(init.ones({2}).to_vector(), (std::vector<double>{1, 1}));
  EXPECT_EQ(init.normal({0, 4}, 1).numel(), 0);
}

// Bounds are five standard errors of a fixed sample.
TEST(Init, BoundsAndMoments) {
  nn::Init init{.seed = 1};
  const double n = 300 * 301;
  const std::vector<double> u = init.uniform({300, 301}, 0.25).to_vector();
  EXPECT_GE(*std::min_element(u.begin(), u.end()), -0.25);
  EXPECT_LT(*std::max_element(u.begin(), u.end()), 0.25);
  const std::vector<double> z = init.normal({300, 301}, 3).to_vector();
  const auto moments = [&](const std::vector<double>& v) {
    double sum = 0, squares = 0;
    for (double x : v) {
      sum += x;
      squares += x * x;
    }
    return std::pair(sum / n, squares / n);
  };
  const auto [u_mean, u_square] = moments(u);
  EXPECT_NEAR(u_mean, 0, 5 * 0.25 / std::sqrt(3 * n));
  EXPECT_NEAR(u_square, 0.0625 / 3, 5 * 0.0625 * std::sqrt(4 / 45.0 / n));
  const auto [z_mean, z_square] = moments(z);
  EXPECT_NEAR(z_mean, 0, 5 * 3 / std::sqrt(n));
  EXPECT_NEAR(z_square, 9, 5 * 9 * std::sqrt(2 / n));
}

}  // namespace
}  // namespace heartbeat
