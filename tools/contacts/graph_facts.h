// What the doctor wants to know of the training graphs before anything is learned (R54).
#pragma once

#include <vector>

#include "graph/protein.h"

namespace heartbeat {

struct GraphFacts {
  double isolated = 0;     // share of residues without a neighbour along their chain
  double edgeless = 0;     // share of proteins whose residues are all isolated
  double contactless = 0;  // share of proteins without a contact of any channel
  double degree = 0;       // most cb8 contacts of one residue
};
GraphFacts graph_facts(const std::vector<Protein>& proteins);

}  // namespace heartbeat
