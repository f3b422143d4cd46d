// Contact labels from coordinates: eight channels, and heavy6 between chains. The rules are those of kChannelTable;
// distances are strict (<) unless said otherwise, and a pair is positive if any of its atom pairs is.
#pragma once

#include <vector>

#include "graph/protein.h"
#include "graph/structure.h"

namespace heartbeat {

// Labels one chain, or the concatenated chains of a complex (segment 0, 1, ...), with the contacts inside each chain
// and between chains. Fills everything of Protein but id, split, groups and meta.
//
// A residue can be labelled for a channel if it holds every atom that the channel could need; a truncated Lys is
// unknown, not negative. Contacts of such residues are left out unless keep_partial_positives is set. Inside a chain
// contacts below min_separation_loss are left out; heavy6 is between chains only.
// Throws UserError for more than 65,535 residues or 255 chains.
Protein label_contacts(const std::vector<StructureChain>& chains, const ReadOptions& options = {});

// For two chains of one sequence, which chain is called the first is arbitrary: the contact (i of one, j of the other)
// becomes the OR of both ways. Other complexes come back unchanged.
Protein merge_homodimer(Protein complex);

// Donor's N-H to acceptor's C=O, as DSSP defines it: positions in the concatenated sequence, energy in kcal/mol,
// rounded to 0.001 and below -0.5. A donor has at most two. Ascending (donor, energy).
struct BackboneHydrogenBond {
  int donor = 0, acceptor = 0;
  double energy = 0;
};
std::vector<BackboneHydrogenBond> backbone_hydrogen_bonds(const std::vector<StructureChain>& chains);

}  // namespace heartbeat
