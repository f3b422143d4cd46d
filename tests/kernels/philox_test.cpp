#include "kernels/common/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "kernels/common/philox_cpu.h"

namespace heartbeat {
namespace {

using Words = std::vector<std::uint32_t>;

Words words(const RandomBlock& block) {
  return {block.word, block.word + 4};
}

TEST(Philox, KnownAnswersOfRandom123) {
  EXPECT_EQ(words(philox({{0, 0, 0, 0}}, 0, 0)), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t all = 0xffffffff;
  EXPECT_EQ(words(philox({{all, all, all, all}}, all, all)), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EveryPartOfTheNameChangesTheStream) {
  const std::uint64_t high = std::uint64_t(1) << 32;
  std::set<Words> first;
  int names = 0;
  for (const std::uint64_t seed : {std::uint64_t(0), std::uint64_t(1), high})
    for (const std::uint32_t step : {0u, 1u, kInitStep})
      for (const std::uint32_t layer : {0u, 1u})
        for (const std::uint64_t member : {std::uint64_t(0), std::uint64_t(1), high}) {
          first.insert(words(random_stream(seed, step, layer, member).block(0)));
          ++names;
        }
  EXPECT_EQ(first.size(), size_t(names));
}

TEST(Philox, ElementIsAWordOfItsBlock) {
  const RandomStream stream = random_stream(1, 2, 3, 4);
  for (const std::uint64_t e : {std::uint64_t(0), std::uint64_t(7), (std::uint64_t(1) << 35) + 6})
    EXPECT_EQ(stream[e], stream.block(e / 4).word[e % 4]);
  EXPECT_NE(stream[0], stream[std::uint64_t(1) << 34]);  // block numbers have 64 bits
}

TEST(Philox, ManyAtOnceAreTheSameWords) {
  const RandomStream stream = random_stream(1, 2, 3, 4);
  const std::uint64_t carry = (std::uint64_t(1) << 32) - 3;  // the low half of the counter overflows on the way
  for (const std::uint64_t first : {std::uint64_t(0), std::uint64_t(5), carry}) {
    std::uint32_t word[kWordsAtOnce];
    random_words(stream, first, word);
    for (int k = 0; k < kWordsAtOnce; ++k) EXPECT_EQ(word[k], stream[4 * first + k]) << "block " << first << " + " << k;
  }
}

TEST(Philox, UniformsKeepTheirEnds) {
  EXPECT_EQ(uniform_below_one(0), 0);
  EXPECT_LT(uniform_below_one(0xffffffff), 1);
  EXPECT_GT(uniform_above_zero(0), 0);
  EXPECT_EQ(uniform_above_zero(0xffffffff), 1);
}

// Bounds are five standard errors; the stream is fixed, so this either always passes or never.
TEST(Philox, MomentsOfUniformsAndNormals) {
  const RandomStream stream = random_stream(7, 0, 0, 0);
  constexpr int kBlocks = 1 << 17;
  constexpr double n = 4.0 * kBlocks;
  double u = 0, uu = 0, z = 0, zz = 0, zzzz = 0, product = 0;
  for (int b = 0; b < kBlocks; ++b) {
    const RandomBlock block = stream.block(b);
    for (int pair : {0, 2}) {
      const NormalPair two = normals(block.word[pair], block.word[pair + 1]);
      product += double(two.first) * two.second;
      for (double v : {two.first, two.second}) {
        z += v;
        zz += v * v;
        zzzz += v * v * v * v;
      }
    }
    for (std::uint32_t word : block.word) {
      const double v = uniform_below_one(word);
      u += v;
      uu += v * v;
    }
  }
  EXPECT_NEAR(u / n, 0.5, 5 * std::sqrt(1 / 12.0 / n));
  EXPECT_NEAR(uu / n, 1 / 3.0, 5 * std::sqrt(4 / 45.0 / n));
  EXPECT_NEAR(z / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(zz / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(zzzz / n, 3, 5 * std::sqrt(96 / n));
  EXPECT_NEAR(product / (n / 2), 0, 5 / std::sqrt(n / 2));
}

}  // namespace
}  // namespace heartbeat
