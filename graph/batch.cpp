#include "graph/batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "graph/counter_random.h"

namespace heartbeat {
namespace {

constexpr long kWindowGap = 24;  // between the two windows of a crop: their pairs are long-range by definition

// What enters a batch of one protein.
struct Excerpt {
  const Protein* protein = nullptr;
  std::vector<int> residues;  // indices in the protein, in the order of the batch
  std::vector<std::uint8_t> tokens;
};

// First residue of each chain, and the end.
std::vector<int> chain_bounds(const Protein& protein) {
  std::vector<int> bounds = {0};
  for (long i = 1; i < protein.length(); ++i)
    if (protein.segment[i] != protein.segment[i - 1]) bounds.push_back(int(i));
  if (protein.length() > 0) bounds.push_back(int(protein.length()));
  return bounds;
}

void append_range(std::vector<int>& list, long first, long length) {
  for (long i = first; i < first + length; ++i) list.push_back(int(i));
}

// Start of a window of the given length in [low, high), as near to centring on residue c as the ends allow.
long centred(long c, long length, long low, long high) {
  return std::clamp(c - length / 2, low, high - length);
}

// A window of either chain. Half of the time around a contact between them: interface pairs are one in a thousand.
std::vector<int> crop_of_complex(const Protein& protein, const std::vector<int>& bounds, long crop,
                                 CounterRandom& draw) {
  const long length_a = bounds[1], length_b = bounds[2] - bounds[1];
  const long a = std::min(length_a, std::max(crop / 2, crop - length_b)), b = std::min(length_b, crop - a);
  long start_a = draw.between(0, length_a - a), start_b = bounds[1] + draw.between(0, length_b - b);
  if (draw.chance(0.5)) {
    std::vector<ContactPair> interface;
    for (const ContactPair& pair : protein.contacts)
      if (pair.i < bounds[1] && pair.j >= bounds[1]) interface.push_back(pair);
    if (!interface.empty()) {
      const ContactPair& pair = interface[draw.below(long(interface.size()))];
      start_a = centred(pair.i, a, 0, bounds[1]);
      start_b = centred(pair.j, b, bounds[1], bounds[2]);
    }
  }
  std::vector<int> kept;
  append_range(kept, start_a, a);
  append_range(kept, start_b, b);
  return kept;
}

// One window, or two of half the length: a single window never shows the pairs that are further apart than itself.
std::vector<int> crop_of_chain(long length, long crop, CounterRandom& draw) {
  std::vector<int> kept;
  const long half = crop / 2, slack = length - 2 * half - kWindowGap;
  if (draw.chance(0.5) || slack < 0 || half == 0) {
    append_range(kept, draw.between(0, length - crop), crop);
    return kept;
  }
  const long u = draw.between(0, slack), v = draw.between(0, slack);
  append_range(kept, std::min(u, v), half);
  append_range(kept, std::max(u, v) + half + kWindowGap, half);
  return kept;
}

Excerpt whole(const Protein& protein) {
  Excerpt excerpt{&protein, std::vector<int>(protein.length()), protein.sequence};
  std::iota(excerpt.residues.begin(), excerpt.residues.end(), 0);
  return excerpt;
}

Excerpt augmented(const Protein& protein, const Augmentation& how, CounterRandom draw) {
  Excerpt excerpt = whole(protein);
  std::vector<int>& residues = excerpt.residues;
  const std::vector<int> bounds = chain_bounds(protein);
  if (how.crop > 0 && protein.length() > how.crop)
    residues = bounds.size() == 3 ? crop_of_complex(protein, bounds, how.crop, draw)
                                  : crop_of_chain(protein.length(), how.crop, draw);
  if (how.swap_chains && bounds.size() == 3 && draw.chance(0.5)) {
    const auto second = std::find_if(residues.begin(), residues.end(), [&](int r) { return r >= bounds[1]; });
    std::rotate(residues.begin(), second, residues.end());
  }
  const double unknown = draw.uniform(how.unknown_least, how.unknown_most);
  const double substitute = draw.uniform(how.substitute_least, how.substitute_most);
  excerpt.tokens.clear();
  for (const int r : residues) {
    const double u = draw.uniform(), which = draw.uniform();
    int token = protein.sequence[r];
    if (token != kUnknown && u < unknown + substitute) token = u < unknown ? kUnknown : blosum_substitute(token, which);
    excerpt.tokens.push_back(std::uint8_t(token));
  }
  return excerpt;
}

PairMember member_of(const Excerpt& excerpt) {
  const Protein& protein = *excerpt.protein;
  std::vector<int> position(protein.length());  // in the full chain
  const std::vector<int> bounds = chain_bounds(protein);
  for (std::size_t c = 1; c < bounds.size(); ++c)
    std::iota(position.begin() + bounds[c - 1], position.begin() + bounds[c], 0);
  PairMember member;
  member.key = hash_of(protein.id);
  for (const int r : excerpt.residues) {
    member.segment.push_back(protein.segment[r]);
    member.position.push_back(position[r]);
  }
  // A model must not tell from the chain numbers that the chains were swapped.
  if (!member.segment.empty() && member.segment.front() > member.segment.back())
    for (std::uint8_t& s : member.segment) s = 1 - s;
  return member;
}

void fill_targets(const Excerpt& excerpt, const PairMap& map, ContactTargets& targets) {
  const Protein& protein = *excerpt.protein;
  constexpr long kFar = 3;  // all limits of the loss lie at or below it
  static_assert(channels_within_chain(kFar) == (1 << kChannels) - 1);
  std::uint16_t within[kFar + 1];
  for (long s = 0; s <= kFar; ++s) within[s] = channels_within_chain(s);

  for (long i = 0; i < map.length; ++i)
    for (long j = i + 1; j < map.length; ++j) {
      const bool same = map.segment[i] == map.segment[j];
      const long separation = std::min<long>(kFar, std::abs(map.position[j] - map.position[i]));
      targets.valid[map.row(i, j)] = protein.observed[excerpt.residues[i]] & protein.observed[excerpt.residues[j]] &
                                     (same ? within[separation] : kChannelsBetweenChains);
    }
  std::vector<int> place(protein.length(), -1);
  for (long i = 0; i < map.length; ++i) place[excerpt.residues[i]] = int(i);
  for (const ContactPair& pair : protein.contacts)
    if (place[pair.i] >= 0 && place[pair.j] >= 0) {
      const long row = map.folded_row(place[pair.i], place[pair.j]);
      targets.positive[row] = pair.channels & targets.valid[row];
    }
}

Batch assemble(std::vector<Excerpt> excerpts, const ClassStatistics& statistics) {
  Batch batch;
  std::vector<PairMember> members;
  std::vector<int> tokens;
  for (const Excerpt& excerpt : excerpts) {
    members.push_back(member_of(excerpt));
    tokens.insert(tokens.end(), excerpt.tokens.begin(), excerpt.tokens.end());
    batch.members.push_back(excerpt.protein);
  }
  const auto layout = std::make_shared<const PairLayout>(std::move(members));
  const auto targets = std::make_shared<ContactTargets>();
  targets->positive.assign(layout->pairs(), 0);
  targets->valid.assign(layout->pairs(), 0);
  for (int k = 0; k < kChannels; ++k) {
    targets->positive_weight.push_back(statistics.positive_weight(k));
    targets->channel_weight.push_back(kChannelTable[k].loss_weight);
  }
  for (long m = 0; m < layout->size(); ++m) {
    fill_targets(excerpts[m], layout->map(m), *targets);
    batch.residues.push_back(std::move(excerpts[m].residues));
  }
  batch.layout = layout;
  batch.tokens = std::make_shared<const std::vector<int>>(std::move(tokens));
  batch.targets = targets;
  return batch;
}

}  // namespace

double ClassStatistics::frequency(int k) const {
  const double all = positives[k] + negatives[k];
  return all > 0 ? positives[k] / all : 0;
}

double ClassStatistics::positive_weight(int k) const {
  return std::clamp(std::sqrt(negatives[k] / std::max(positives[k], 1.0)), 1.0, 12.0);
}

ClassStatistics class_statistics(const std::vector<const Protein*>& proteins) {
  ClassStatistics statistics;
  for (const Protein* protein : proteins) {
    const std::vector<int> bounds = chain_bounds(*protein);
    const auto sees = [&](long i, std::size_t k) { return (protein->observed[i] >> k & 1) != 0; };
    for (std::size_t k = 0; k < kChannelTable.size(); ++k) {
      const long limit = int(k) == kHeavy6 ? protein->length() : kChannelTable[k].min_separation_loss;
      double seen = 0, too_close = 0;
      for (std::size_t c = 1; c < bounds.size(); ++c)
        for (long i = bounds[c - 1]; i < bounds[c]; ++i) {
          if (!sees(i, k)) continue;
          ++seen;
          for (long j = i + 1; j < std::min<long>(i + limit, bounds[c]); ++j) too_close += sees(j, k);
        }
      statistics.negatives[k] += seen * (seen - 1) / 2 - too_close;  // less the positives, below
    }
    for (const ContactPair& pair : protein->contacts) {
      const bool same = protein->segment[pair.i] == protein->segment[pair.j];
      const int valid = pair.channels & protein->observed[pair.i] & protein->observed[pair.j] &
                        (same ? channels_within_chain(pair.j - pair.i) : kChannelsBetweenChains);
      for (std::size_t k = 0; k < kChannelTable.size(); ++k) {
        statistics.positives[k] += valid >> k & 1;
        statistics.negatives[k] -= valid >> k & 1;
      }
    }
  }
  return statistics;
}

std::vector<const Protein*> pointers_to(const std::vector<Protein>& proteins) {
  std::vector<const Protein*> pointers;
  for (const Protein& p : proteins) pointers.push_back(&p);
  return pointers;
}

Batch whole_batch(const std::vector<const Protein*>& proteins, const ClassStatistics& statistics) {
  std::vector<Excerpt> excerpts;
  for (const Protein* protein : proteins) excerpts.push_back(whole(*protein));
  return assemble(std::move(excerpts), statistics);
}

Sampler::Sampler(std::vector<const Protein*> proteins, SamplerOptions options)
    : proteins_(std::move(proteins)), options_(options), statistics_(class_statistics(proteins_)) {
  if (proteins_.empty()) throw std::invalid_argument("sampler: there is no protein to train on");
}

Sampler::Plan Sampler::plan(long epoch) const {
  std::vector<int> order(proteins_.size());
  std::iota(order.begin(), order.end(), 0);
  CounterRandom({options_.seed, std::uint64_t(epoch)}).shuffle(order);

  const long crop = options_.augmentation.crop;
  Plan batches;
  std::vector<long> sizes;
  for (const int p : order) {
    const long length = proteins_[p]->length(), pairs = pair_count(crop > 0 ? std::min(length, crop) : length);
    if (batches.empty() || sizes.back() + pairs > options_.pairs_per_batch) {
      batches.emplace_back();
      sizes.push_back(0);
    }
    batches.back().push_back(p);
    sizes.back() += pairs;
  }
  if (epoch == 0) {
    const auto largest = std::max_element(sizes.begin(), sizes.end()) - sizes.begin();
    std::swap(batches[0], batches[largest]);
  }
  return batches;
}

long Sampler::first_step(long epoch) {
  while (long(first_steps_.size()) <= epoch)
    first_steps_.push_back(first_steps_.back() + long(plan(long(first_steps_.size()) - 1).size()));
  return first_steps_[epoch];
}

Sampler::Place Sampler::place(long step) {
  while (first_step(long(first_steps_.size()) - 1) <= step) first_step(long(first_steps_.size()));
  const auto next = std::upper_bound(first_steps_.begin(), first_steps_.end(), step);
  const long epoch = next - first_steps_.begin() - 1;
  return {epoch, step - first_steps_[epoch]};
}

Batch Sampler::at(long step) {
  const Place at = place(step);
  if (planned_epoch_ != at.epoch) {
    plan_ = plan(at.epoch);
    planned_epoch_ = at.epoch;
  }
  std::vector<Excerpt> excerpts;
  for (const int p : plan_[at.batch]) {
    const Protein& protein = *proteins_[p];
    // The third word parts these streams from the one that shuffles the epoch.
    const CounterRandom draw({options_.seed, std::uint64_t(at.epoch), hash_of(protein.id)});
    excerpts.push_back(augmented(protein, options_.augmentation, draw));
  }
  return assemble(std::move(excerpts), statistics_);
}

}  // namespace heartbeat
