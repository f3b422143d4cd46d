#include "graph/prior.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace heartbeat {
namespace {

// Strength of the smoothing, in pairs: a cell with this many counted pairs trusts them as much as what it leans on.
constexpr double kPseudoPairs = 100;

struct Counts {
  double positives = 0, pairs = 0;
  void add(const Counts& o) { positives += o.positives, pairs += o.pairs; }
};

double log_odds(double p) {
  return std::log(p / (1 - p));
}
double rate(const Counts& c, double expected, double strength) {
  return (c.positives + strength * expected) / (c.pairs + strength);
}
long cell(int bucket, int a, int b) {
  return (long(bucket) * kTokens + a) * kTokens + b;
}

using Table = std::vector<std::array<Counts, kChannels>>;

// Pairs of one protein as the loss sees them, added into cells (bucket, a, b).
void count_pairs(const Protein& protein, Table& table) {
  const long length = protein.length();
  std::vector<int> position(length);
  for (long i = 0; i < length; ++i)
    position[i] = i && protein.segment[i] == protein.segment[i - 1] ? position[i - 1] + 1 : 0;
  const PairMap map{length, 0, 0, protein.segment.data(), position.data()};
  const auto add = [&](long i, long j, std::uint16_t positive, bool count_pair) {
    const std::uint16_t both = protein.observed[i] & protein.observed[j];
    auto& counts = table[cell(map.bucket(i, j), protein.sequence[i], protein.sequence[j])];
    for (int k = 0; k < kChannels; ++k) {
      if (!(both >> k & 1)) continue;
      if (protein.segment[i] == protein.segment[j] && j - i < kChannelTable[k].min_separation_loss) continue;
      counts[k].pairs += count_pair;
      counts[k].positives += positive >> k & 1;
    }
  };
  for (long i = 0; i < length; ++i)
    for (long j = i + 1; j < length; ++j) add(i, j, 0, true);
  for (const ContactPair& c : protein.contacts) add(c.i, c.j, c.channels, false);
}

Table count_all(const std::vector<Protein>& proteins) {
  Table table(long(ContactPrior::kBuckets) * kTokens * kTokens);
  for (const Protein& p : proteins) count_pairs(p, table);
  return table;
}

struct Marginals {
  std::vector<Counts> of_bucket = std::vector<Counts>(ContactPrior::kBuckets);
  std::vector<Counts> of_types = std::vector<Counts>(kTokens * kTokens);
  Counts all;
};

Marginals marginals(const Table& table, int k) {
  Marginals m;
  for (int bucket = 0; bucket < ContactPrior::kBuckets; ++bucket)
    for (int types = 0; types < kTokens * kTokens; ++types) {
      const Counts& c = table[long(bucket) * kTokens * kTokens + types][k];
      m.of_bucket[bucket].add(c);
      m.of_types[types].add(c);
      m.all.add(c);
    }
  return m;
}

// A rate strictly inside (0, 1) even where nothing was counted.
double base_rate(const Counts& all) {
  return rate(all, 1e-4, 1);
}

}  // namespace

ContactPrior ContactPrior::count(const std::vector<Protein>& proteins) {
  const Table table = count_all(proteins);
  std::vector<float> out(kEntries);
  for (int k = 0; k < kChannels; ++k) {
    const Marginals m = marginals(table, k);
    const double base = base_rate(m.all);
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      const double of_bucket = log_odds(rate(m.of_bucket[bucket], base, 10));
      for (int types = 0; types < kTokens * kTokens; ++types) {
        // Two residues that like each other do so at any separation: the cell's expectation is additive in log-odds.
        const double of_types = log_odds(rate(m.of_types[types], base, kPseudoPairs)) - log_odds(base);
        const double expected = 1 / (1 + std::exp(-(of_bucket + of_types)));
        const long c = long(bucket) * kTokens * kTokens + types;
        out[c * kChannels + k] = float(log_odds(rate(table[c][k], expected, kPseudoPairs)));
      }
    }
  }
  return ContactPrior(std::move(out));
}

ContactPrior separation_prior(const std::vector<Protein>& proteins) {
  const Table table = count_all(proteins);
  std::vector<float> out(ContactPrior::kEntries);
  for (int k = 0; k < kChannels; ++k) {
    const Marginals m = marginals(table, k);
    for (int bucket = 0; bucket < ContactPrior::kBuckets; ++bucket)
      for (int types = 0; types < kTokens * kTokens; ++types)
        out[(long(bucket) * kTokens * kTokens + types) * kChannels + k] =
            float(log_odds(rate(m.of_bucket[bucket], base_rate(m.all), 10)));
  }
  return ContactPrior(std::move(out));
}

ContactPrior::ContactPrior(std::vector<float> table) : table_(std::move(table)) {
  if (long(table_.size()) != kEntries)
    throw std::invalid_argument("prior: the table holds " + std::to_string(table_.size()) + " numbers, but " +
                                std::to_string(kEntries) + " are needed");
}

void ContactPrior::logits(const PairMap& map, const std::uint8_t* tokens, float* out) const {
  for (long i = 0, p = 0; i < map.length; ++i)
    for (long j = i; j < map.length; ++j, ++p) {
      const float* from = table_.data() + cell(map.bucket(i, j), tokens[i], tokens[j]) * kChannels;
      std::copy(from, from + kChannels, out + p * kChannels);
    }
}

}  // namespace heartbeat
