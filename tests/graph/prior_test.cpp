#include "graph/prior.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "graph/pair_layout.h"
#include "tests/support/toy_protein.h"

namespace heartbeat {
namespace {

double logit(const ContactPrior& prior, const Protein& p, long i, long j, int k) {
  std::vector<int> position(p.length());
  std::iota(position.begin(), position.end(), 0);
  const PairMap map{p.length(), 0, 0, p.segment.data(), position.data()};
  std::vector<float> out(pair_count(p.length()) * kChannels);
  prior.logits(map, p.sequence.data(), out.data());
  return out[pair_index(i, j, p.length()) * kChannels + k];
}

// Cysteines touch at separation 8, alanines never.
std::vector<Protein> training() {
  std::string letters(40, 'A');
  std::vector<ContactPair> contacts;
  for (int i : {2, 20}) {
    letters[i] = letters[i + 8] = 'C';
    contacts.push_back({std::uint16_t(i), std::uint16_t(i + 8), 1});
  }
  return std::vector<Protein>(50, testing::toy_protein(letters, contacts));
}

TEST(Prior, CountsSeparationAndResidueTypes) {
  const auto proteins = training();
  const ContactPrior prior = ContactPrior::count(proteins);
  const Protein& p = proteins[0];
  EXPECT_GT(logit(prior, p, 2, 10, 0), 0.0) << "100 of 100 pairs were contacts";
  EXPECT_LT(logit(prior, p, 3, 11, 0), -4) << "none of about 1500 was";
  EXPECT_LT(logit(prior, p, 2, 28, 0), logit(prior, p, 2, 10, 0)) << "the same types, another separation";
}

TEST(Prior, SeparationAloneDoesNotSeeTheTypes) {
  const auto proteins = training();
  const ContactPrior prior = separation_prior(proteins);
  EXPECT_EQ(logit(prior, proteins[0], 2, 10, 0), logit(prior, proteins[0], 3, 11, 0));
  EXPECT_GT(logit(prior, proteins[0], 2, 10, 0), logit(prior, proteins[0], 2, 11, 0));
}

TEST(Prior, NothingCountedIsStillFinite) {
  const Protein p = testing::toy_protein("WW", {});
  EXPECT_TRUE(std::isfinite(logit(ContactPrior::count({}), p, 0, 1, 7)));
  EXPECT_THROW(ContactPrior({1.f}), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
