#include "graph/amino_acid.h"

#include <algorithm>

#include "graph/protein.h"

namespace heartbeat {
namespace {

struct Row {
  char letter;
  const char *name, *bonds, *donors, *acceptors, *ring, *plane;
};

constexpr Row kRows[kTokens] = {
    {'A', "ALA", "CA-CB", "", "", "", ""},
    {'C', "CYS", "CA-CB CB-SG", "", "", "", ""},
    {'D', "ASP", "CA-CB CB-CG CG-OD1 CG-OD2", "", "OD1 OD2", "", ""},
    {'E', "GLU", "CA-CB CB-CG CG-CD CD-OE1 CD-OE2", "", "OE1 OE2", "", ""},
    {'F', "PHE", "CA-CB CB-CG CG-CD1 CG-CD2 CD1-CE1 CD2-CE2 CE1-CZ CE2-CZ", "", "", "CG CD1 CD2 CE1 CE2 CZ",
     "CG CE1 CE2"},
    {'G', "GLY", "", "", "", "", ""},
    {'H', "HIS", "CA-CB CB-CG CG-ND1 CG-CD2 ND1-CE1 CD2-NE2 CE1-NE2", "ND1 NE2", "ND1 NE2", "CG ND1 CD2 CE1 NE2",
     "CG CD2 CE1"},
    {'I', "ILE", "CA-CB CB-CG1 CB-CG2 CG1-CD1", "", "", "", ""},
    {'K', "LYS", "CA-CB CB-CG CG-CD CD-CE CE-NZ", "NZ", "", "", ""},
    {'L', "LEU", "CA-CB CB-CG CG-CD1 CG-CD2", "", "", "", ""},
    {'M', "MET", "CA-CB CB-CG CG-SD SD-CE", "", "", "", ""},
    {'N', "ASN", "CA-CB CB-CG CG-OD1 CG-ND2", "ND2", "OD1", "", ""},
    {'P', "PRO", "CA-CB CB-CG CG-CD CD-N", "", "", "", ""},
    {'Q', "GLN", "CA-CB CB-CG CG-CD CD-OE1 CD-NE2", "NE2", "OE1", "", ""},
    {'R', "ARG", "CA-CB CB-CG CG-CD CD-NE NE-CZ CZ-NH1 CZ-NH2", "NE NH1 NH2", "", "", ""},
    {'S', "SER", "CA-CB CB-OG", "OG", "OG", "", ""},
    {'T', "THR", "CA-CB CB-OG1 CB-CG2", "OG1", "OG1", "", ""},
    {'V', "VAL", "CA-CB CB-CG1 CB-CG2", "", "", "", ""},
    {'W', "TRP", "CA-CB CB-CG CG-CD1 CG-CD2 CD1-NE1 NE1-CE2 CD2-CE2 CD2-CE3 CE2-CZ2 CE3-CZ3 CZ2-CH2 CZ3-CH2", "NE1", "",
     "CD2 CE2 CE3 CZ2 CZ3 CH2", "CD2 CZ2 CZ3"},
    {'Y', "TYR", "CA-CB CB-CG CG-CD1 CG-CD2 CD1-CE1 CD2-CE2 CE1-CZ CE2-CZ CZ-OH", "OH", "OH", "CG CD1 CD2 CE1 CE2 CZ",
     "CG CE1 CE2"},
    {'X', "UNK", "CA-CB", "", "", "", ""},
};

template <class Visit>
void each_word(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

int add_atom(AminoAcid& acid, std::string_view name) {
  const int known = acid.find(name);
  if (known >= 0) return known;
  acid.atom_name[acid.atoms] = name;
  return acid.atoms++;
}

AtomMask named(const AminoAcid& acid, std::string_view names) {
  AtomMask mask = 0;
  each_word(names, [&](std::string_view name) { mask |= atom_bit(acid.find(name)); });
  return mask;
}

// C and S of the side chain, except carbons that share electrons with N or O.
AtomMask apolar_atoms(const AminoAcid& acid) {
  AtomMask mask = 0;
  for (int a = AminoAcid::kCb; a < acid.atoms; ++a) {
    bool polar = acid.atom_name[a][0] == 'N' || acid.atom_name[a][0] == 'O';
    for (int b = 0; b < acid.atoms; ++b)
      if (acid.bonded[a] & atom_bit(b)) polar |= acid.atom_name[b][0] == 'N' || acid.atom_name[b][0] == 'O';
    if (!polar) mask |= atom_bit(a);
  }
  return mask;
}

AminoAcid make(const Row& row) {
  AminoAcid acid;
  acid.letter = row.letter;
  acid.name = row.name;
  each_word("N CA C O OXT", [&](std::string_view name) { add_atom(acid, name); });
  const std::string_view backbone_bonds = "N-CA CA-C C-O C-OXT";
  for (const std::string_view bonds : {backbone_bonds, std::string_view(row.bonds)})
    each_word(bonds, [&](std::string_view bond) {
      const auto dash = bond.find('-');
      const int a = add_atom(acid, bond.substr(0, dash)), b = add_atom(acid, bond.substr(dash + 1));
      acid.bonded[a] |= atom_bit(b);
      acid.bonded[b] |= atom_bit(a);
    });
  const AtomMask all = AtomMask((1u << acid.atoms) - 1);
  acid.heavy = all & AtomMask(~atom_bit(AminoAcid::kOxt));
  if (row.letter == 'X') return acid;  // nothing is known of its side chain
  acid.side_chain = all & AtomMask(~(kBackbone | atom_bit(AminoAcid::kOxt)));
  acid.donors = named(acid, row.donors) | (row.letter == 'P' ? 0 : atom_bit(AminoAcid::kN));
  acid.acceptors = named(acid, row.acceptors) | atom_bit(AminoAcid::kO) | atom_bit(AminoAcid::kOxt);
  if (row.letter == 'D' || row.letter == 'E') acid.acid = named(acid, row.acceptors);
  if (row.letter == 'K') acid.cation = named(acid, "NZ");
  if (row.letter == 'R') acid.cation = named(acid, "NH1 NH2");
  if (std::string_view("AVLIMFWPC").find(row.letter) != std::string_view::npos) acid.apolar = apolar_atoms(acid);
  acid.ring = named(acid, row.ring);
  acid.cation_pi = acid.ring && row.letter != 'H';
  int corner = 0;
  each_word(row.plane, [&](std::string_view name) { acid.ring_plane[corner++] = acid.find(name); });
  return acid;
}

}  // namespace

int AminoAcid::find(std::string_view wanted) const {
  for (int a = 0; a < atoms; ++a)
    if (atom_name[a] == wanted) return a;
  return -1;
}

const AminoAcid& amino_acid(int token) {
  static const auto table = [] {
    std::array<AminoAcid, kTokens> acids;
    for (int t = 0; t < kTokens; ++t) acids[t] = make(kRows[t]);
    return acids;
  }();
  return table[token];
}

int token_of_name(std::string_view name) {
  for (int t = 0; t < kUnknown; ++t)
    if (name == kRows[t].name) return t;
  return kUnknown;
}

}  // namespace heartbeat
