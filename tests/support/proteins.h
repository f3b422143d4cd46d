// Random prepared proteins for tests: any sequence, masks with holes, contacts of any channel.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "graph/counter_random.h"
#include "graph/protein.h"

namespace heartbeat::testing {

// lengths: of the chains. Every tenth residue is unobserved; contacts are also listed where the mask hides them.
inline Protein random_protein(const std::string& id, const std::vector<long>& lengths, std::uint64_t seed = 1,
                              double density = 0.03) {
  CounterRandom draw({seed, hash_of(id)});
  Protein protein;
  protein.id = id;
  protein.split = "train";
  for (std::size_t c = 0; c < lengths.size(); ++c)
    for (long i = 0; i < lengths[c]; ++i) {
      protein.sequence.push_back(std::uint8_t(draw.below(kUnknown)));
      protein.segment.push_back(std::uint8_t(c));
      protein.observed.push_back(draw.chance(0.1) ? 0 : std::uint16_t(draw.bits() | 1) & 0x1ff);
      for (int axis = 0; axis < 3; ++axis)
        protein.c_beta.push_back(draw.chance(0.1) ? NAN : float(draw.uniform(-30, 30)));
    }
  for (long i = 0; i < protein.length(); ++i)
    for (long j = i + 1; j < protein.length(); ++j)
      if (draw.chance(density))
        protein.contacts.push_back({std::uint16_t(i), std::uint16_t(j), std::uint16_t(1 + draw.below(0x1ff))});
  protein.meta = R"({"source":"random"})";
  return protein;
}

}  // namespace heartbeat::testing
