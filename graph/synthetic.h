// Proteins made of ideal parts, for a machine without any data: helices, beta meanders and the loops between them,
// grown so that they pack, with a sequence that follows from the fold. They are written as mmCIF files and pass through
// the same reader as real ones. What a model learns from them is real arithmetic on invented biology: never quote it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/side_chains.h"

namespace heartbeat {

struct SyntheticResidue {
  int token = 0;
  char structure = '-';          // H helix, E strand, T hairpin turn, - loop
  std::vector<NamedAtom> atoms;  // N, CA, C, O and the side chain; empty for an unobserved tag
};

struct SyntheticProtein {
  std::string id;
  std::vector<SyntheticResidue> residues;
};

// The same protein for the same arguments; length >= 20. A quarter of the proteins begins with an unobserved GSHM tag.
SyntheticProtein make_protein(const std::string& id, long length, std::uint64_t seed);

// With _entity_poly_seq, _struct_asym and _atom_site: the sequence is that of the construct, not of the atoms.
std::string mmcif_of(const SyntheticProtein& protein);

}  // namespace heartbeat
