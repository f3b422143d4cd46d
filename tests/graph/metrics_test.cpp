#include "graph/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/common/pair.h"
#include "tests/support/toy_protein.h"

namespace heartbeat {
namespace {

using testing::toy_protein;

// A map of zeros with channel 0 set for the pairs given.
std::vector<float> scores(long length, std::vector<std::tuple<int, int, float>> set) {
  std::vector<float> s(pair_count(length) * kChannels, 0);
  for (auto [i, j, value] : set) s[pair_index(i, j, length) * kChannels] = value;
  return s;
}

TEST(Metrics, PrecisionCountsTheBestFloorOfLOverM) {
  const Protein p = toy_protein(std::string(30, 'A'), {{0, 8, 1}, {5, 14, 1}});
  // Best three short pairs (L/10): a contact, a miss, a contact.
  const MapScore m = score_map(p, scores(30, {{0, 8, 3.f}, {1, 9, 2.f}, {5, 14, 1.f}}).data());
  EXPECT_DOUBLE_EQ(m.at(0, Band::short_).precision[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(m.at(0, Band::short_).precision[1], 2.0 / 6);
  EXPECT_DOUBLE_EQ(m.at(0, Band::short_).auprc, (1.0 / 1 + 2.0 / 3) / 2);
  EXPECT_EQ(m.at(0, Band::short_).positives, 2);
  EXPECT_TRUE(std::isnan(m.at(0, Band::long_).auprc)) << "no positives, nothing to average";
  EXPECT_EQ(m.at(0, Band::inter).valid, 0);
}

TEST(Metrics, FewerPairsThanKAreAllUsed) {
  const Protein p = toy_protein(std::string(26, 'A'), {{0, 24, 1}});  // long pairs: (0,24) (0,25) (1,25)
  EXPECT_DOUBLE_EQ(score_map(p, scores(26, {}).data()).at(0, Band::long_).precision[3], 1.0 / 3);
}

TEST(Metrics, TiesRankByIThenJ) {
  const Protein p = toy_protein(std::string(26, 'A'), {{1, 25, 1}});
  EXPECT_DOUBLE_EQ(score_map(p, scores(26, {}).data()).at(0, Band::long_).auprc, 1.0 / 3);
  EXPECT_DOUBLE_EQ(score_map(p, scores(26, {}).data()).at(0, Band::long_).auroc, 0.5);
}

TEST(Metrics, MaskedResiduesAreNotScored) {
  Protein p = toy_protein(std::string(26, 'A'), {{1, 25, 1}});
  p.observed[0] = 0;
  EXPECT_EQ(score_map(p, scores(26, {}).data()).at(0, Band::long_).valid, 1);
}

TEST(Metrics, PairsOfTwoChainsAreABandOfTheirOwnAndLIsTheShorterChain) {
  const Protein p = toy_protein(std::string(30, 'A'), {{0, 29, 1}}, /*first_chain=*/10);
  const MapScore m = score_map(p, scores(30, {{0, 29, 1.f}}).data());
  EXPECT_EQ(m.at(0, Band::inter).valid, 200);
  EXPECT_DOUBLE_EQ(m.at(0, Band::inter).precision[1], 0.5) << "L / 5 of the chain of 10";
  EXPECT_EQ(m.at(0, Band::long_).valid, 0);
}

TEST(Metrics, NotANumberRanksLast) {
  const Protein p = toy_protein(std::string(26, 'A'), {{1, 25, 1}});
  EXPECT_DOUBLE_EQ(score_map(p, scores(26, {{0, 24, NAN}, {0, 25, NAN}}).data()).at(0, Band::long_).auprc, 1.0);
}

TEST(Metrics, EligiblePairsAreThoseTheResidueTypesAllow) {
  const auto token = [](char c) { return int(std::string_view(kAlphabet).find(c)); };
  EXPECT_TRUE(type_eligible(4, token('D'), token('K')));
  EXPECT_FALSE(type_eligible(4, token('D'), token('E')));
  EXPECT_TRUE(type_eligible(5, token('R'), token('W')));
  EXPECT_FALSE(type_eligible(5, token('R'), token('H')));
  EXPECT_TRUE(type_eligible(0, token('G'), token('G')));
}

TEST(Metrics, MacroMeanLeavesOutWhatHasNoValueAndBracketsTheMean) {
  const MacroValue m = macro({0, 1, NAN, 1, 0, 1});
  EXPECT_EQ(m.maps, 5);
  EXPECT_DOUBLE_EQ(m.mean, 0.6);
  EXPECT_LT(m.low, m.mean);
  EXPECT_GT(m.high, m.mean);
  EXPECT_EQ(m.low, macro({0, 1, 1, 0, 1}).low) << "the draws have a fixed seed";
  EXPECT_TRUE(std::isnan(macro({NAN}).mean));
}

}  // namespace
}  // namespace heartbeat
