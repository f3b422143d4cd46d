// Small batches of pair maps for tests: whole chains, complexes and crops.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "autograd/ops.h"

namespace heartbeat::testing {

// Chains side by side, as in a complex: segment 0, 1, ... and positions that start again in each.
inline PairMember complex_of(const std::vector<long>& lengths, std::uint64_t key = 0) {
  PairMember member;
  member.key = key;
  for (size_t s = 0; s < lengths.size(); ++s)
    for (int i = 0; i < lengths[s]; ++i) {
      member.segment.push_back(std::uint8_t(s));
      member.position.push_back(i);
    }
  return member;
}

// Windows [first, last) of one chain, in order: one segment, with gaps in the positions.
inline PairMember crop_of(const std::vector<std::pair<int, int>>& windows, std::uint64_t key = 0) {
  PairMember member;
  member.key = key;
  for (const auto& [first, last] : windows)
    for (int i = first; i < last; ++i) {
      member.segment.push_back(0);
      member.position.push_back(i);
    }
  return member;
}

inline Layout layout_of(std::vector<PairMember> members) {
  return std::make_shared<const PairLayout>(std::move(members));
}

// One whole chain for each length.
inline Layout chains_of(const std::vector<long>& lengths) {
  std::vector<PairMember> members;
  for (size_t m = 0; m < lengths.size(); ++m) members.push_back(single_chain(lengths[m], m));
  return layout_of(std::move(members));
}

}  // namespace heartbeat::testing
