// Helices and strands of a labelled protein, read off its backbone hydrogen bonds.
#pragma once

#include <string>

#include "graph/protein.h"

namespace heartbeat {

// One letter for each residue: H where two neighbouring bonds i, i+4 overlap, E in a ladder of bonds, '-' elsewhere.
// A simplification of DSSP for pictures: the bonds of the channel hb_bb have no direction, 3-10 and pi helices and lone
// bridges are not told.
std::string secondary_structure(const Protein& protein);

}  // namespace heartbeat
