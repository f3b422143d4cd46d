#include "kernels/common/bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/common/widen.h"

namespace heartbeat {
namespace {

std::uint32_t bits_of(float x) {
  return std::bit_cast<std::uint32_t>(x);
}
float float_of(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

// The definition: of the two bf16 around x the nearer, of two as near the even one. Past the largest the upper one is
// 2^128, which is where Inf stands.
std::uint16_t nearest_spec(double x) {
  std::uint16_t lower = std::uint16_t(bits_of(float(std::abs(x))) >> 16);
  const auto value = [](std::uint16_t b) { return b == 0x7f80 ? 0x1p128 : double(float_of(std::uint32_t(b) << 16)); };
  while (lower > 0 && value(lower) > std::abs(x)) --lower;
  while (lower < 0x7f7f && value(std::uint16_t(lower + 1)) <= std::abs(x)) ++lower;
  const std::uint16_t upper = std::uint16_t(lower + 1);
  const double below = std::abs(x) - value(lower), above = value(upper) - std::abs(x);
  const std::uint16_t size = below < above || (below == above && lower % 2 == 0) ? lower : upper;
  return std::uint16_t(size | (std::signbit(x) ? 0x8000 : 0));
}

TEST(Bf16, EveryPatternComesBack) {
  for (std::uint32_t pattern = 0; pattern < 1u << 16; ++pattern) {
    const bf16 stored = bf16::of_bits(std::uint16_t(pattern));
    const float x = stored;
    ASSERT_EQ(bits_of(x), pattern << 16);
    const bf16 again(x);
    if (std::isnan(x))
      ASSERT_TRUE(std::isnan(float(again))) << pattern;
    else
      ASSERT_EQ(again.bits, pattern);
    ASSERT_EQ(bf16(double(x)).bits, again.bits) << pattern;
  }
}

// Between each pattern and the next: a quarter, half (the tie) and three quarters of the way, one bit around each.
TEST(Bf16, RoundsToTheNearestBetweenAnyTwoNeighbours) {
  for (std::uint32_t pattern = 0; pattern < 1u << 16; ++pattern)
    for (std::uint32_t rest : {0x0001u, 0x4000u, 0x7fffu, 0x8000u, 0x8001u, 0xc000u, 0xffffu}) {
      const float x = float_of(pattern << 16 | rest);
      if (std::isnan(x))
        ASSERT_TRUE(std::isnan(float(bf16(x)))) << std::hex << (pattern << 16 | rest);
      else
        ASSERT_EQ(bf16(x).bits, nearest_spec(x)) << x;
    }
}

TEST(Bf16, RoundsRandomNumbersToTheNearest) {
  std::mt19937 engine(1);
  for (int k = 0; k < 2'000'000; ++k) {
    const float x = float_of(engine());
    if (std::isnan(x))
      ASSERT_TRUE(std::isnan(float(bf16(x))));
    else if (std::isinf(x))
      ASSERT_EQ(float(bf16(x)), x);
    else
      ASSERT_EQ(bf16(x).bits, nearest_spec(x)) << x;
  }
}

TEST(Bf16, KnowsTheEndsOfItsRange) {
  EXPECT_EQ(bf16(INFINITY).bits, 0x7f80);
  EXPECT_EQ(bf16(-INFINITY).bits, 0xff80);
  EXPECT_EQ(bf16(-0.0f).bits, 0x8000);
  EXPECT_EQ(bf16(1).bits, 0x3f80);
  EXPECT_EQ(float(bf16(3.4e38)), INFINITY);                     // nearer to 2^128 than to the largest
  EXPECT_EQ(bf16(0x1.fep127f).bits, 0x7f7f);                    // the largest
  EXPECT_EQ(bf16(0x1p-133f).bits, 1);                           // the smallest
  EXPECT_EQ(bf16(0x1p-134f).bits, 0);                           // half of it: a tie, to 0
  EXPECT_EQ(bf16(0x1.0002p-134f).bits, 1);                      // and a little more
  EXPECT_TRUE(std::isnan(float(bf16(float_of(0x7f800001u)))));  // a NaN whose upper half alone would be Inf
}

// f64 is rounded once: by way of f32 the first would be a tie, and go to the even 1.
TEST(Bf16, RoundsDoublesOnce) {
  EXPECT_EQ(float(bf16(1 + 0x1p-8 + 0x1p-40)), 1 + 0x1p-7f);
  EXPECT_EQ(float(bf16(1 + 0x1p-8 - 0x1p-40)), 1);
  EXPECT_EQ(float(bf16(-1 - 0x1p-8 - 0x1p-40)), -1 - 0x1p-7f);
  EXPECT_EQ(float(bf16(1e300)), INFINITY);
  EXPECT_EQ(float(bf16(1e-300)), 0);
  std::mt19937_64 engine(2);
  std::normal_distribution<double> normal;
  for (int k = 0; k < 200'000; ++k) {
    const double tie = float_of((bits_of(float(normal(engine))) & 0xffff0000u) | 0x8000u);
    const double x = tie * (1 + normal(engine) * 0x1p-45);
    ASSERT_EQ(bf16(x).bits, nearest_spec(x)) << x;
  }
}

// Loops of vectors and single conversions give the same bits.
TEST(Bf16, WholeRowsRoundLikeSingleNumbers) {
  std::mt19937 engine(3);
  for (long n : {0, 1, 15, 16, 17, 31, 33, 1000}) {
    std::vector<float> x(n), wide(n);
    for (float& v : x) v = float_of(engine());
    std::vector<bf16> stored(n);
    round_into(x.data(), n, stored.data());
    widen(stored.data(), n, wide.data());
    for (long k = 0; k < n; ++k) {
      ASSERT_EQ(stored[k].bits, bf16(x[k]).bits) << bits_of(x[k]);
      ASSERT_EQ(bits_of(wide[k]), std::uint32_t(stored[k].bits) << 16);
    }
  }
}

}  // namespace
}  // namespace heartbeat
