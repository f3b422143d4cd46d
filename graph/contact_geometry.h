// Residues as the contact rules need them: atoms in the order of the template, rings, C-beta, chain connectivity. The
// inside of label_contacts.
#pragma once

#include <array>
#include <vector>

#include "graph/amino_acid.h"
#include "graph/contacts.h"
#include "graph/point.h"

namespace heartbeat {

struct PlacedResidue {
  const AminoAcid* acid = nullptr;
  int token = kUnknown;
  int chain = 0;
  int in_chain = 0;      // position in its own chain
  AtomMask present = 0;  // which atoms of the template are there
  std::array<Point, AminoAcid::kMaxAtoms> at{};
  std::array<double, AminoAcid::kMaxAtoms> radius{};
  bool follows = false;  // C of the previous residue is bonded to this N (<= 2.5)
  bool has_c_beta = false, has_ring = false;
  Point c_beta{};  // C-alpha of Gly, virtual where only the backbone is there
  Point ring_centre{}, ring_normal{};
  Point centre{};  // every atom and the C-beta lie within reach of it
  double reach = 0;

  bool has(AtomMask atoms) const { return (present & atoms) == atoms; }
  bool has(int atom) const { return present & atom_bit(atom); }
  bool observed() const { return has(kBackbone); }
};

std::vector<PlacedResidue> place_residues(const std::vector<StructureChain>& chains);

// Bits of the channels that the atoms of two residues satisfy, whatever is masked: all but hb_bb, annotated links and
// peptide bonds. previous_c: C atoms bonded to the two N, or null; neighbours for the angle filter.
std::uint16_t atom_contacts(const PlacedResidue& a, const PlacedResidue& b, const Point* previous_c_of_a,
                            const Point* previous_c_of_b, bool angle_filter);

// Bits of the channels for which residue i can be labelled.
std::uint16_t observed_channels(const std::vector<PlacedResidue>& residues, int i);

std::vector<BackboneHydrogenBond> backbone_hydrogen_bonds(const std::vector<PlacedResidue>& residues);

constexpr std::uint16_t channel_bit(int channel) {
  return std::uint16_t(1u << channel);
}
// Channels by their place in kChannelTable.
enum ContactChannel { kCb8, kCovalent, kHbBackbone, kHbSideChain, kSalt, kAromatic, kHydrophobic, kVanDerWaals };

}  // namespace heartbeat
