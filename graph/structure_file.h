// What one structure file says, in our own types and before any rule of ours: the inside of read_structure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/structure.h"

namespace heartbeat::structure_file {

struct Atom {
  std::string name, element;
  char altloc = ' ';
  Point xyz{};
  double occupancy = 1;
};

struct Residue {
  std::string name;
  int number = 0;
  char insertion = ' ';
  bool hetatm = false;
  int position = 0;  // 1-based in the sequence of the chain, 0: not known
  std::vector<Atom> atoms;

  const Atom* find(const char* atom) const;
};

struct Chain {
  std::string name;
  std::vector<std::string> sequence;  // names of the full sequence, empty: not in the file
  std::vector<Residue> residues;      // of the first model; in PDB files ligands and waters too
};

struct Link {
  struct End {
    std::string chain, residue, atom;
    int number = 0;
    char insertion = ' ';
  } ends[2];
};

struct File {
  std::string format, method;
  double resolution = 0;  // 0: unknown
  int models = 0;
  std::vector<Chain> chains;
  std::vector<Residue> others;                 // waters and ligands that mmCIF keeps apart
  std::vector<Link> links;                     // covalent and disulfide, not across symmetry copies
  std::map<std::string, std::string> parents;  // modified residue: standard one, as the file says
  int listed_missing = 0;
  std::vector<std::string> notes;  // polymers that are no proteins
};

// Throws UserError.
File read(const std::string& path);

enum class Kind { amino_acid, nucleotide, water, other, unknown };
struct Monomer {
  Kind kind = Kind::unknown;
  char letter = ' ';  // lower case: a modified residue
};
Monomer find_monomer(const std::string& name);

// Position (1-based, 0: none) of each residue in the sequence, by alignment with free gaps at chain breaks.
std::vector<int> align(const std::vector<std::string>& sequence, const std::vector<Residue>& residues);

}  // namespace heartbeat::structure_file
