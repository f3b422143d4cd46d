// Proteins made by hand: every residue observed for every channel, contacts as listed.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "graph/protein.h"

namespace heartbeat::testing {

inline Protein toy_protein(std::string_view letters, std::vector<ContactPair> contacts, long first_chain = -1) {
  Protein p;
  p.id = "toy";
  p.split = "train";
  for (char letter : letters) p.sequence.push_back(std::uint8_t(std::string_view(kAlphabet).find(letter)));
  p.segment.assign(letters.size(), 0);
  if (first_chain >= 0) std::fill(p.segment.begin() + first_chain, p.segment.end(), 1);
  p.observed.assign(letters.size(), 0x1ff);
  p.contacts = std::move(contacts);
  p.c_beta.assign(3 * letters.size(), 0);
  return p;
}

}  // namespace heartbeat::testing
