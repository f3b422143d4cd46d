// What counting knows: log-odds of a contact given the separation and the two residue types, smoothed, counted on a
// training split. A baseline to beat, and the start of a model's logits.
#pragma once

#include <vector>

#include "graph/protein.h"
#include "kernels/common/pair.h"

namespace heartbeat {

class ContactPrior {
 public:
  static constexpr int kBuckets = 64;
  static constexpr long kEntries = long(kBuckets) * kTokens * kTokens * kChannels;

  // Counts pairs that the loss would see. Cells with few pairs lean on the bucket's rate times the pair of residues'.
  static ContactPrior count(const std::vector<Protein>& proteins);
  // From stored log-odds, as table() gives them.
  explicit ContactPrior(std::vector<float> table);

  // Log-odds [bucket, residue at i, residue at j, channel], i < j.
  const std::vector<float>& table() const { return table_; }
  // Log-odds [pairs, kChannels] of a protein's packed triangle, from tokens, chain numbers and positions [L].
  void logits(const PairMap& map, const std::uint8_t* tokens, float* out) const;

 private:
  std::vector<float> table_;
};

// Log-odds from the separation bucket alone: the weaker baseline.
ContactPrior separation_prior(const std::vector<Protein>& proteins);

}  // namespace heartbeat
