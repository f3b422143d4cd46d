#include "kernels/common/math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace heartbeat {
namespace {

// Distance in units in the last place of the true value rounded to f32; denormals are spaced as the smallest normal.
double ulps(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : INFINITY;
  const float rounded = float(want);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : INFINITY;
  const float size = std::max(std::abs(rounded), std::numeric_limits<float>::min());
  return std::abs(double(got) - want) / (double(std::nextafter(size, INFINITY)) - size);
}

// Every 1009th f32 there is, both signs, NaN and Inf among them: about four million.
template <class F, class G>
double worst_over_all_floats(F got, G want) {
  double worst = 0;
  for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += 1009) {
    const float x = std::bit_cast<float>(std::uint32_t(bits));
    worst = std::max(worst, ulps(got(x), want(double(x))));
  }
  return worst;
}

// Where the results are neither 0 nor Inf, much denser.
template <class F, class G>
double worst_between(double first, double last, F got, G want) {
  double worst = 0;
  for (double x = first; x <= last; x += (last - first) / 2e6)
    worst = std::max(worst, ulps(got(float(x)), want(double(float(x)))));
  return worst;
}

template <class F, class G>
double worst_gap(F got, G want) {
  return std::max(
      {worst_over_all_floats(got, want), worst_between(-110, 95, got, want), worst_between(-1, 1, got, want)});
}

double true_sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

// The bounds are those that math.h promises.
TEST(Math, ExpIsWithinTwoUlps) {
  EXPECT_LT(worst_gap([](float x) { return math::exp(x); }, [](double x) { return std::exp(x); }), 2);
}

TEST(Math, TanhIsWithinTwoUlps) {
  EXPECT_LT(worst_gap([](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); }), 2);
}

TEST(Math, SigmoidIsWithinThreeUlps) {
  EXPECT_LT(worst_gap([](float x) { return math::sigmoid(x); }, true_sigmoid), 3);
}

TEST(Math, SiluIsWithinThreeUlpsWhereTheSigmoidIsNormal) {
  const auto got = [](float x) { return math::silu(x); };
  const auto want = [](double x) { return x * true_sigmoid(x); };
  EXPECT_LT(worst_between(-87, 95, got, want), 3);
  EXPECT_LT(worst_between(-1, 1, got, want), 3);
  for (float x = -87; x > -120; x -= 0.01f) EXPECT_NEAR(got(x), want(x), 1e-42);
}

TEST(Math, EndsOfTheLine) {
  constexpr float inf = INFINITY;
  EXPECT_EQ(math::exp(inf), inf);
  EXPECT_EQ(math::exp(-inf), 0);
  EXPECT_EQ(math::exp(0.f), 1);
  EXPECT_EQ(math::exp(88.8f), inf);
  EXPECT_GT(math::exp(-103.f), 0);  // a denormal
  EXPECT_EQ(math::exp(-104.f), 0);
  EXPECT_EQ(math::sigmoid(inf), 1);
  EXPECT_EQ(math::sigmoid(-inf), 0);
  EXPECT_EQ(math::sigmoid(0.f), 0.5f);
  EXPECT_EQ(math::tanh(inf), 1);
  EXPECT_EQ(math::tanh(-inf), -1);
  EXPECT_TRUE(std::signbit(math::tanh(-0.f)));
  EXPECT_EQ(math::silu(inf), inf);
  EXPECT_TRUE(std::isnan(math::silu(-inf)));
  EXPECT_TRUE(std::isnan(math::exp(NAN)) && std::isnan(math::sigmoid(NAN)) && std::isnan(math::tanh(NAN)));
}

}  // namespace
}  // namespace heartbeat
