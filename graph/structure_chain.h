// The reading rules: from what a file says of one chain to the chain that is labelled. The inside of read_structure.
#pragma once

#include <string>
#include <vector>

#include "graph/structure.h"
#include "graph/structure_file.h"

namespace heartbeat {

// Residues of the protein among all that a chain of the file holds: amino acids in ATOM records, and HETATM ones in a
// bonded run that holds an ATOM one. gemmi's get_polymer() ends a chain at the first ligand it meets. The first listed
// residue wins where several share a position. What is left out is counted.
std::vector<structure_file::Residue> take_polymer(std::vector<structure_file::Residue> residues, ReadSummary& summary);

// Position of each residue in a sequence that the file does not give, from 0; grows by the width of a gap where the
// numbering and the C-alpha distance both show one.
std::vector<int> positions_with_gaps(const std::vector<structure_file::Residue>& residues, ReadSummary& summary);

// One conformation, heavy atoms of the standard amino acid, occupied ones. parent: its three-letter name, or UNK.
StructureResidue select_atoms(const structure_file::Residue& residue, const std::string& parent, ReadSummary& summary);

// Standard amino acid of a residue name, or UNK; parents is what the file says of its modified residues.
std::string parent_of(const std::string& name, const std::map<std::string, std::string>& parents);

// ACE, NH2 and other groups that SEQRES may list before the first or after the last residue.
bool is_cap(const std::string& name);

}  // namespace heartbeat
