// Structures as the labeller sees them: protein chains indexed by their full sequence, one conformation, heavy atoms
// only. gemmi reads the files; none of its types leaves structure_file.cpp.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "graph/point.h"
#include "graph/protein.h"

namespace heartbeat {

struct ReadOptions {
  bool allow_atom_sequence = false;     // accept chains without SEQRES: the sequence is then that of the atoms
  bool keep_partial_positives = false;  // label_contacts: list contacts of incomplete residues too
  bool hb_angle_filter = true;          // label_contacts: hb_sc asks for angles of at least 90 degrees
};

struct StructureAtom {
  std::string name;  // of the standard amino acid: SE of MSE is called SD
  std::string element;
  Point xyz{};
  double occupancy = 1;
};

struct StructureResidue {
  std::string name;    // as the file has it; empty: position without atoms
  std::string parent;  // standard amino acid whose template the atoms follow, UNK for X
  int number = 0;      // author numbering, for display only
  char insertion = ' ';
  std::vector<StructureAtom> atoms;

  const StructureAtom* find(const std::string& atom) const;
};

// A covalent link or disulfide that the file annotates, as seen from its chain.
struct StructureLink {
  int residue = 0;            // position in this chain
  std::string partner_chain;  // may be this chain
  int partner_residue = 0;
};

struct StructureChain {
  std::string name;                        // author's name, may be empty
  std::string source;                      // file it came from
  std::vector<std::uint8_t> sequence;      // [L] tokens of the full sequence
  std::vector<StructureResidue> residues;  // [L]
  std::vector<StructureLink> links;
  bool sequence_from_atoms = false;

  long length() const { return long(sequence.size()); }
  long with_atoms() const;  // positions that have any atom
  long observed() const;    // positions with N, CA, C and O
};

// What reading dropped or changed.
struct ReadSummary {
  std::string sequence_source;  // "SEQRES", "_entity_poly_seq" or "atoms"
  int models_dropped = 0;
  int hydrogens = 0, waters = 0;
  int altloc_atoms = 0;     // atoms of conformations that were not chosen
  int duplicate_atoms = 0;  // a name twice in one residue, or no coordinates
  int zero_occupancy = 0;
  int unfilled_occupancy = 0;                 // atoms of chains where every occupancy is 0: the column says nothing
  int extra_atoms = 0;                        // not in the template of the standard amino acid
  int microheterogeneity = 0;                 // residues that share a position with the first listed one
  int caps = 0;                               // ACE, NH2 and the like at the ends of a sequence
  int outside_sequence = 0;                   // residues that do not align to SEQRES
  int mismatches = 0;                         // residues whose name is not that of SEQRES
  int missing_residues = 0;                   // positions without atoms
  int listed_missing = 0;                     // residues that the file itself lists as unobserved
  int partial_residues = 0;                   // with atoms, but not with every heavy atom of the template
  int gap_positions = 0;                      // X inserted where numbering and C-alpha distance both show a gap
  int numbering_gaps = 0, distance_gaps = 0;  // where only one of them does; nothing inserted
  std::map<std::string, int> modified;        // "MSE>MET": count
  std::map<std::string, int> unknown;         // residues read as X, by name
  std::map<std::string, int> ligands;         // groups left out, by name
  std::vector<std::string> notes;             // skipped chains and why

  std::string json() const;  // one object, the keys are the names above
  std::string text() const;  // lines for a human, only what is not zero
};

struct StructureFile {
  std::string name;                                              // of the file, without folder
  std::string format;                                            // "PDB" or "mmCIF"
  std::string method;                                            // for example "X-RAY DIFFRACTION", empty if unknown
  double resolution = std::numeric_limits<double>::quiet_NaN();  // angstrom, NaN if unknown
  std::vector<StructureChain> chains;
  ReadSummary summary;
};

// Reads mmCIF or PDB, plain or .gz, told by content. Throws UserError with the name of the file when it is missing,
// truncated, no structure, without a protein chain of two residues that has side chains, or, unless
// allow_atom_sequence, without a chain whose full sequence is known.
StructureFile read_structure(const std::string& path, const ReadOptions& options = {});

}  // namespace heartbeat
