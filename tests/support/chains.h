// Batches of proteins whose rows are adjacent in memory and are not all neighbours.
#pragma once

#include <vector>

#include "tests/support/pair_layouts.h"

namespace heartbeat::testing {

// Part of a chain: residues [first, last) of chain number `segment`.
struct Crop {
  int segment, first, last;
};

inline PairMember member_of(const std::vector<Crop>& crops, std::uint64_t key = 0) {
  PairMember member;
  member.key = key;
  for (const Crop& crop : crops)
    for (int position = crop.first; position < crop.last; ++position) {
      member.segment.push_back(std::uint8_t(crop.segment));
      member.position.push_back(position);
    }
  return member;
}

// Whole chains, a complex, two crops of one chain with a gap of 3 that offsets can bridge and one with a chain between
// them, a protein of one residue and one without any.
inline std::vector<PairMember> awkward_members() {
  return {single_chain(33, 1),
          member_of({{0, 0, 9}, {1, 0, 7}}, 2),
          member_of({{0, 5, 12}, {0, 15, 24}}, 3),
          single_chain(1, 4),
          single_chain(0, 5),
          member_of({{0, 0, 6}, {1, 3, 9}, {0, 40, 46}}, 6),
          single_chain(70, 7)};
}

}  // namespace heartbeat::testing
