// The twenty amino acids as heavy-atom templates: names, bonds and the roles that contact rules ask for. X, the unknown
// residue, has a backbone, a C-beta and no roles.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace heartbeat {

using AtomMask = std::uint16_t;  // bit a: atom a of the template

struct AminoAcid {
  // Every template starts with these; side chains follow, C-beta first. OXT belongs to the last residue of a chain
  // only.
  enum Atom { kN, kCa, kC, kO, kOxt, kCb };
  static constexpr int kMaxAtoms = 15;

  char letter = 'X';
  std::string_view name = "UNK";  // three letters
  int atoms = 0;
  std::array<std::string_view, kMaxAtoms> atom_name;
  std::array<AtomMask, kMaxAtoms> bonded{};  // [a] heavy neighbours of atom a inside the residue

  AtomMask heavy = 0;                         // every atom except OXT
  AtomMask side_chain = 0;                    // C-beta and beyond
  AtomMask donors = 0, acceptors = 0;         // of hydrogen bonds; backbone N of proline is no donor
  AtomMask acid = 0;                          // carboxylate oxygens of Asp and Glu
  AtomMask cation = 0;                        // nitrogens of Lys and Arg that carry the charge
  AtomMask apolar = 0;                        // side-chain C and S of the apolar residues, C not bonded to N or O
  AtomMask ring = 0;                          // atoms of the aromatic ring; of Trp the six-membered one
  std::array<int, 3> ring_plane{-1, -1, -1};  // three atoms that give centroid and normal
  bool cation_pi = false;                     // the ring attracts cations: Phe, Tyr, Trp, not His

  int find(std::string_view name) const;  // -1: no such atom
};

constexpr AtomMask atom_bit(int atom) {
  return AtomMask(1u << atom);
}
inline constexpr AtomMask kBackbone = 0b1111;  // N CA C O

// Token 0-20 of kAlphabet.
const AminoAcid& amino_acid(int token);

// Token of one of the twenty three-letter names; kUnknown for any other name.
int token_of_name(std::string_view name);

}  // namespace heartbeat
