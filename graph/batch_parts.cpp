// Batches made of a batch.
#include <algorithm>

#include "graph/batch.h"

namespace heartbeat {

Batch part_of(const Batch& batch, long first, long last) {
  const PairLayout& all = *batch.layout;
  const auto [residue, pair] = std::pair(all.map(first).first_residue, all.map(first).first_pair);
  Batch part;
  std::vector<PairMember> members;
  for (long m = first; m < last; ++m) {
    members.push_back(all.member(m));
    part.members.push_back(batch.members[m]);
    if (!batch.residues.empty()) part.residues.push_back(batch.residues[m]);
  }
  part.layout = std::make_shared<const PairLayout>(std::move(members));
  part.tokens = std::make_shared<const std::vector<int>>(batch.tokens->begin() + residue,
                                                         batch.tokens->begin() + residue + part.layout->residues());
  if (!batch.targets) return part;
  const auto cut = [&](const std::vector<std::uint16_t>& from) {
    return std::vector<std::uint16_t>(from.begin() + pair, from.begin() + pair + part.layout->pairs());
  };
  const auto targets = std::make_shared<ContactTargets>();
  targets->positive = cut(batch.targets->positive);
  targets->valid = cut(batch.targets->valid);
  targets->positive_weight = batch.targets->positive_weight;
  targets->channel_weight = batch.targets->channel_weight;
  part.targets = targets;
  return part;
}

Batch unknown_members(const Batch& batch, long first, long last) {
  std::vector<int> tokens = *batch.tokens;
  for (long m = first; m < last; ++m) {
    const PairMap& map = batch.layout->map(m);
    std::fill_n(tokens.begin() + map.first_residue, map.length, kUnknown);
  }
  Batch other = batch;
  other.tokens = std::make_shared<const std::vector<int>>(std::move(tokens));
  return other;
}

}  // namespace heartbeat
