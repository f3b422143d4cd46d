#include "graph/batch.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "graph/counter_random.h"
#include "tests/support/proteins.h"

namespace heartbeat {
namespace {

using testing::random_protein;

struct Proteins {
  std::vector<Protein> all;
  std::vector<const Protein*> pointers() const {
    std::vector<const Protein*> list;
    for (const Protein& protein : all) list.push_back(&protein);
    return list;
  }
};

Proteins some_proteins() {
  Proteins proteins;
  for (long length : {1, 2, 31, 32, 33, 90, 150})
    proteins.all.push_back(random_protein("p" + std::to_string(length), {length}));
  proteins.all.push_back(random_protein("complex", {70, 45}));
  proteins.all.push_back(random_protein("wide", {200, 20}));
  return proteins;
}

// The definition, from the protein alone: which channels a pair of its residues may be scored in.
int valid_by_definition(const Protein& p, int i, int j) {
  int valid = p.observed[i] & p.observed[j];
  for (int k = 0; k <= kHeavy6; ++k) {
    const bool close = k == kHeavy6 || std::abs(i - j) < kChannelTable[k].min_separation_loss;
    if (i == j || (p.segment[i] == p.segment[j] && close)) valid &= ~(1 << k);
  }
  return valid;
}
int contacts_by_definition(const Protein& p, int i, int j) {
  for (const ContactPair& pair : p.contacts)
    if (pair.i == std::min(i, j) && pair.j == std::max(i, j)) return pair.channels;
  return 0;
}

void expect_targets_of_definition(const Batch& batch) {
  for (long m = 0; m < batch.layout->size(); ++m) {
    const Protein& p = *batch.members[m];
    const PairMap& map = batch.layout->map(m);
    SCOPED_TRACE(p.id);
    for (long i = 0; i < map.length; ++i)
      for (long j = i; j < map.length; ++j) {
        const int a = batch.residues[m][i], b = batch.residues[m][j], valid = valid_by_definition(p, a, b);
        ASSERT_EQ(batch.targets->valid[map.row(i, j)], valid) << a << " " << b;
        ASSERT_EQ(batch.targets->positive[map.row(i, j)], valid & contacts_by_definition(p, a, b)) << a << " " << b;
      }
  }
}

TEST(Batch, TargetsOfWholeProteinsFollowTheDefinition) {
  const Proteins proteins = some_proteins();
  const Batch batch = whole_batch(proteins.pointers(), class_statistics(proteins.pointers()));
  expect_targets_of_definition(batch);
  std::vector<int> tokens;
  for (const Protein& p : proteins.all) tokens.insert(tokens.end(), p.sequence.begin(), p.sequence.end());
  EXPECT_EQ(*batch.tokens, tokens);
  EXPECT_EQ(batch.targets->channel_weight[1], 0.3);
}

TEST(Batch, TargetsOfCropsFollowTheDefinitionAndKeepTruePositions) {
  const Proteins proteins = some_proteins();
  Sampler sampler(proteins.pointers(), {20'000, {.crop = 64}, 3});
  int swapped = 0, two_windows = 0;
  for (long step = 0; step < sampler.first_step(20); ++step) {
    const Batch batch = sampler.at(step);
    expect_targets_of_definition(batch);
    for (long m = 0; m < batch.layout->size(); ++m) {
      const Protein& p = *batch.members[m];
      const auto& residues = batch.residues[m];
      const PairMember& member = batch.layout->member(m);
      ASSERT_EQ(long(residues.size()), std::min(p.length(), 64L));
      ASSERT_EQ(std::set<int>(residues.begin(), residues.end()).size(), residues.size());
      const long chain_b = std::find(p.segment.begin(), p.segment.end(), 1) - p.segment.begin();
      ASSERT_EQ(member.segment.front(), 0);
      for (std::size_t r = 0; r < residues.size(); ++r) {
        ASSERT_EQ(member.position[r], residues[r] - (p.segment[residues[r]] ? chain_b : 0));
        ASSERT_EQ(member.segment[r] == member.segment[0], p.segment[residues[r]] == p.segment[residues[0]]);
        if (r > 0 && member.segment[r] == member.segment[r - 1] && residues[r] != residues[r - 1] + 1) {
          ASSERT_GE(residues[r], residues[r - 1] + 24);
          ASSERT_EQ(r, 32u);
          ++two_windows;
        }
      }
      ASSERT_EQ(member.segment.front() != member.segment.back(), p.id == "complex" || p.id == "wide");
      swapped += p.segment[residues[0]] == 1;
    }
  }
  EXPECT_GT(swapped, 10);  // of 40
  EXPECT_LT(swapped, 30);
  EXPECT_GT(two_windows, 10);  // of 40: p90 has one place for two windows, p150 many
  EXPECT_LT(two_windows, 30);
}

TEST(Batch, CropsOfComplexesSeekTheInterface) {
  Protein p = random_protein("interface", {300, 300}, 1, 0);
  p.observed.assign(600, 0x1ff);
  p.contacts = {{17, 580, 1}};
  Sampler sampler({&p}, {100'000, {.crop = 64}, 5});
  int found = 0;
  for (long step = 0; step < 100; ++step) {
    const Batch batch = sampler.at(step);
    for (const int bits : batch.targets->positive) found += bits != 0;
  }
  EXPECT_GT(found, 35);  // half of the crops; without the rule about one in a hundred
  EXPECT_LT(found, 70);
}

TEST(Batch, StatisticsCountWhatTheMasksLetThrough) {
  const Proteins proteins = some_proteins();
  const ClassStatistics statistics = class_statistics(proteins.pointers());
  const Batch batch = whole_batch(proteins.pointers(), statistics);
  for (int k = 0; k <= kHeavy6; ++k) {
    double positives = 0, valid = 0;
    for (long row = 0; row < batch.layout->pairs(); ++row) {
      positives += batch.targets->positive[row] >> k & 1;
      valid += batch.targets->valid[row] >> k & 1;
    }
    EXPECT_EQ(statistics.positives[k], positives) << k;
    EXPECT_EQ(statistics.negatives[k], valid - positives) << k;
    EXPECT_EQ(statistics.frequency(k), positives / valid) << k;
  }
}

TEST(Batch, PositiveWeightIsTheClippedRootOfTheOdds) {
  ClassStatistics statistics;
  statistics.positives = {1, 100, 200, 0};
  statistics.negatives = {1e6, 900, 100, 50};
  EXPECT_EQ(statistics.positive_weight(0), 12);
  EXPECT_EQ(statistics.positive_weight(1), 3);
  EXPECT_EQ(statistics.positive_weight(2), 1);
  EXPECT_NEAR(statistics.positive_weight(3), std::sqrt(50), 1e-12);
  EXPECT_EQ(statistics.positive_weight(4), 1);
  EXPECT_EQ(statistics.frequency(4), 0);
}

TEST(Sampler, VisitsEveryProteinOnceAnEpochWithinTheBudget) {
  const Proteins proteins = some_proteins();
  Sampler sampler(proteins.pointers(), {8'000, Augmentation::crop_only(100), 7});
  std::set<std::vector<std::string>> orders;
  for (long epoch = 0; epoch < 5; ++epoch) {
    std::vector<std::string> order;
    long first = 0;
    for (long step = sampler.first_step(epoch); step < sampler.first_step(epoch + 1); ++step) {
      EXPECT_EQ(sampler.place(step).epoch, epoch);
      EXPECT_EQ(sampler.place(step).batch, step - sampler.first_step(epoch));
      const Batch batch = sampler.at(step);
      EXPECT_TRUE(batch.layout->pairs() <= 8'000 || batch.members.size() == 1);
      if (step == 0) first = batch.layout->pairs();
      EXPECT_TRUE(epoch > 0 || batch.layout->pairs() <= first);
      for (const Protein* p : batch.members) order.push_back(p->id);
    }
    orders.insert(order);
    EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), proteins.all.size());
    EXPECT_EQ(order.size(), proteins.all.size());
  }
  EXPECT_EQ(orders.size(), 5u);
}

TEST(Sampler, ABatchDependsOnSeedAndStepAlone) {
  const Proteins proteins = some_proteins();
  const SamplerOptions options{8'000, {.crop = 64}, 7};
  Sampler straight(proteins.pointers(), options), resumed(proteins.pointers(), options);
  SamplerOptions other = options;
  other.seed = 8;
  Sampler different(proteins.pointers(), other);
  const long last = straight.first_step(4);
  std::map<long, Batch> seen;
  for (long step = 0; step < last; ++step) seen[step] = straight.at(step);
  int changed = 0;
  for (long step = last - 1; step >= 0; step -= 3) {  // any order
    const Batch again = resumed.at(step);
    EXPECT_EQ(*again.tokens, *seen[step].tokens);
    EXPECT_EQ(again.residues, seen[step].residues);
    EXPECT_EQ(again.targets->positive, seen[step].targets->positive);
    changed += *different.at(step).tokens != *seen[step].tokens;
  }
  EXPECT_GT(changed, 0);
}

TEST(Sampler, AugmentsAtTheStatedRates) {
  Protein p = random_protein("long", {1000}, 1, 0);
  Sampler sampler({&p}, {1'000'000, {.crop = 0}, 1});
  double unknown = 0, substituted = 0;
  for (long step = 0; step < 200; ++step) {
    const std::vector<int> tokens = *sampler.at(step).tokens;
    double x = 0;
    for (long i = 0; i < 1000; ++i) {
      x += tokens[i] == kUnknown;
      substituted += tokens[i] != kUnknown && tokens[i] != p.sequence[i];
    }
    EXPECT_GT(x, 20);
    EXPECT_LT(x, 140);
    unknown += x;
  }
  EXPECT_NEAR(unknown / 200'000, 0.075, 0.004);
  EXPECT_NEAR(substituted / 200'000, 0.035, 0.003);
}

TEST(Sampler, WithoutAProteinThereIsNothingToSample) {
  EXPECT_THROW(Sampler({}, {}), std::invalid_argument);
}

TEST(Blosum, SubstitutesAreTheLikelyOnes) {
  const auto share = [](char from, char to) {
    int hits = 0;
    for (int n = 0; n < 10'000; ++n) hits += blosum_substitute(token_of(from), n / 10'000.0) == token_of(to);
    return hits / 10'000.0;
  };
  for (int t = 0; t < kUnknown; ++t) EXPECT_EQ(share(kAlphabet[t], kAlphabet[t]), 0);
  // p(b) 2^(S/2) with S(I,V) = 3, S(I,D) = -3, S(K,R) = 2, S(K,W) = -3
  EXPECT_NEAR(share('I', 'V') / share('I', 'D'), 64.0 / 54 * 8, 0.1);
  EXPECT_NEAR(share('K', 'R') / share('K', 'W'), 51.0 / 13 * std::exp2(2.5), 1);
  EXPECT_NEAR(share('I', 'V'), 0.238, 0.002);
}

TEST(CounterRandom, IsTheSameOnEveryMachine) {
  CounterRandom draw({1, 2, 3});
  const std::vector<std::uint64_t> first = {draw.bits(), draw.bits()};
  CounterRandom again({1, 2, 3}), other({1, 3, 2});
  EXPECT_EQ(again.bits(), first[0]);
  EXPECT_EQ(again.bits(), first[1]);
  EXPECT_NE(other.bits(), first[0]);
  EXPECT_EQ(CounterRandom({}).bits(), 0xe220a8397b1dcdafu);  // the published first number of SplitMix64(0)
  EXPECT_EQ(hash_of("a"), 0xaf63dc4c8601ec8cu);              // the published vector of FNV-1a
}

TEST(Batch, CanBeCutAndBlanked) {
  const Proteins proteins = some_proteins();
  const Batch whole = whole_batch(proteins.pointers(), class_statistics(proteins.pointers()));
  const long n = whole.layout->size(), middle = 4;
  long residue = 0, pair = 0;
  for (const auto& [first, last] : {std::pair(0L, middle), std::pair(middle, n)}) {
    const Batch part = part_of(whole, first, last);
    ASSERT_EQ(part.layout->size(), last - first);
    expect_targets_of_definition(part);
    EXPECT_EQ(part.members[0], whole.members[first]);
    EXPECT_EQ(part.layout->member(0).key, whole.layout->member(first).key);
    for (const int token : *part.tokens) ASSERT_EQ(token, (*whole.tokens)[residue++]);
    for (const auto bits : part.targets->positive) ASSERT_EQ(bits, whole.targets->positive[pair++]);
    EXPECT_EQ(part.targets->positive_weight, whole.targets->positive_weight);
    EXPECT_EQ(part.targets->channel_weight, whole.targets->channel_weight);
  }
  EXPECT_EQ(residue, whole.layout->residues());
  EXPECT_EQ(pair, whole.layout->pairs());

  const Batch blank = unknown_members(whole, middle, middle + 2);
  const long from = whole.layout->map(middle).first_residue, to = whole.layout->map(middle + 2).first_residue;
  for (long i = 0; i < residue; ++i)
    EXPECT_EQ((*blank.tokens)[i], i >= from && i < to ? kUnknown : (*whole.tokens)[i]) << i;
  EXPECT_EQ(blank.layout, whole.layout);
}

}  // namespace
}  // namespace heartbeat
