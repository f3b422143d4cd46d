// From prepared proteins to what a training step reads: crops, augmentation, masks, and batches filled to a budget of
// pairs. Everything random is named by (seed, epoch, protein), so batch t of a run is a pure function of (seed, t).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "graph/contact_targets.h"
#include "graph/pair_layout.h"
#include "graph/protein.h"

namespace heartbeat {

// Bits of the channels whose loss looks at residues of one chain this far apart (>= 0), and of two different chains.
constexpr std::uint16_t channels_within_chain(long separation) {
  std::uint16_t bits = 0;
  for (int k = 0; k < kChannels; ++k)
    if (separation >= kChannelTable[k].min_separation_loss) bits |= 1 << k;
  return separation > 0 ? bits : 0;
}
inline constexpr std::uint16_t kChannelsBetweenChains = (1 << kChannelTable.size()) - 1;

// How often each channel is positive among the pairs its loss looks at.
struct ClassStatistics {
  std::array<double, kChannelTable.size()> positives{}, negatives{};

  double frequency(int k) const;        // positives / (positives + negatives), 0 without pairs
  double positive_weight(int k) const;  // pw_k = clip(sqrt(negatives / positives), 1, 12)
};
ClassStatistics class_statistics(const std::vector<const Protein*>& proteins);

struct Batch {
  std::shared_ptr<const PairLayout> layout;
  std::shared_ptr<const std::vector<int>> tokens;  // [residues]
  std::shared_ptr<const ContactTargets> targets;   // of all nine channels: heavy6 is bit 8
  std::vector<const Protein*> members;             // one for each map of the layout
  std::vector<std::vector<int>> residues;          // for each map: index in the protein of each of its residues
};

std::vector<const Protein*> pointers_to(const std::vector<Protein>& proteins);

// Whole proteins as they are, for evaluation.
Batch whole_batch(const std::vector<const Protein*>& proteins, const ClassStatistics& statistics);

// Members first .. last - 1 of a batch as they are there, cropped and augmented.
Batch part_of(const Batch& batch, long first, long last);
// The same batch with X in place of the residues of members first .. last - 1.
Batch unknown_members(const Batch& batch, long first, long last);

// What training does to a protein before it sees it.
struct Augmentation {
  long crop = 256;                                         // residues kept of a longer protein; 0 keeps all
  double unknown_least = 0.05, unknown_most = 0.10;        // share of residues that become X, drawn per protein
  double substitute_least = 0.02, substitute_most = 0.05;  // share replaced by a BLOSUM62 draw
  bool swap_chains = true;                                 // of a complex, half of the time

  static Augmentation crop_only(long crop) { return {crop, 0, 0, 0, 0, false}; }
};

struct SamplerOptions {
  long pairs_per_batch = 300'000;  // pairs i <= j; a protein larger than that makes a batch of its own
  Augmentation augmentation = {};
  std::uint64_t seed = 1;
};

// The proteins must outlive the sampler. Order and number of the batches differ from epoch to epoch; the first epoch
// shows its largest batch first, so that a budget too large for the memory fails at once.
class Sampler {
 public:
  Sampler(std::vector<const Protein*> proteins, SamplerOptions options);

  const ClassStatistics& statistics() const { return statistics_; }
  struct Place {
    long epoch = 0, batch = 0;
  };
  Place place(long step);
  long first_step(long epoch);  // steps before the epoch
  Batch at(long step);

 private:
  using Plan = std::vector<std::vector<int>>;  // proteins of each batch
  Plan plan(long epoch) const;

  std::vector<const Protein*> proteins_;
  SamplerOptions options_;
  ClassStatistics statistics_;
  std::vector<long> first_steps_ = {0};  // of the epochs planned so far, and of the next
  long planned_epoch_ = -1;
  Plan plan_;  // of planned_epoch_
};

// A BLOSUM62 substitute of a token other than X, never itself: drawn with p(b | a) in proportion to p(b) 2^(S(a,b)/2).
// uniform is in [0, 1).
int blosum_substitute(int token, double uniform);

}  // namespace heartbeat
