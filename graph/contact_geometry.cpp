#include "graph/contact_geometry.h"

#include <algorithm>

namespace heartbeat {
namespace {

constexpr double kBonded = 2.5;  // C to N, <=, as DSSP

double radius_of(const std::string& element) {
  if (element == "N") return 1.55;
  if (element == "O") return 1.52;
  if (element == "S") return 1.80;
  if (element == "Se") return 1.90;
  return 1.70;
}

void place_c_beta(PlacedResidue& r) {
  const bool glycine = r.acid->letter == 'G';
  const int atom = glycine ? AminoAcid::kCa : AminoAcid::kCb;
  if (r.has(atom)) {
    r.c_beta = r.at[atom];
    r.has_c_beta = true;
  } else if (!glycine && r.has(AtomMask(0b111))) {
    r.c_beta = virtual_c_beta(r.at[AminoAcid::kN], r.at[AminoAcid::kCa], r.at[AminoAcid::kC]);
    r.has_c_beta = true;
  }
}

void place_ring(PlacedResidue& r) {
  if (!r.acid->ring || !r.has(r.acid->ring)) return;
  const Point& p = r.at[r.acid->ring_plane[0]];
  const Point& q = r.at[r.acid->ring_plane[1]];
  const Point& s = r.at[r.acid->ring_plane[2]];
  const Point normal = cross(q - p, s - p);
  const double length = std::sqrt(dot(normal, normal));
  if (length < 1e-9) return;
  r.ring_centre = (1.0 / 3) * (p + q + s);
  r.ring_normal = (1 / length) * normal;
  r.has_ring = true;
}

void place_sphere(PlacedResidue& r) {
  int count = 0;
  for (int a = 0; a < r.acid->atoms; ++a)
    if (r.has(a)) r.centre = r.centre + r.at[a], ++count;
  if (!count) return;
  r.centre = (1.0 / count) * r.centre;
  for (int a = 0; a < r.acid->atoms; ++a)
    if (r.has(a)) r.reach = std::max(r.reach, distance(r.at[a], r.centre));
  if (r.has_c_beta) r.reach = std::max(r.reach, distance(r.c_beta, r.centre));
}

}  // namespace

std::vector<PlacedResidue> place_residues(const std::vector<StructureChain>& chains) {
  std::vector<PlacedResidue> placed;
  for (std::size_t c = 0; c < chains.size(); ++c)
    for (long i = 0; i < chains[c].length(); ++i) {
      PlacedResidue r;
      r.token = chains[c].sequence[i];
      r.acid = &amino_acid(r.token);
      r.chain = int(c);
      r.in_chain = int(i);
      for (const StructureAtom& atom : chains[c].residues[i].atoms) {
        const int slot = r.acid->find(atom.name);
        if (slot < 0) continue;
        r.at[slot] = atom.xyz;
        r.radius[slot] = radius_of(atom.element);
        r.present |= atom_bit(slot);
      }
      if (i > 0 && r.has(AminoAcid::kN) && placed.back().has(AminoAcid::kC))
        r.follows = distance(placed.back().at[AminoAcid::kC], r.at[AminoAcid::kN]) <= kBonded;
      place_c_beta(r);
      place_ring(r);
      place_sphere(r);
      placed.push_back(r);
    }
  return placed;
}

std::uint16_t observed_channels(const std::vector<PlacedResidue>& residues, int i) {
  const PlacedResidue& r = residues[i];
  const AminoAcid& acid = *r.acid;
  std::uint16_t bits = 0;
  const auto set = [&](int channel, bool if_present) { bits |= if_present ? channel_bit(channel) : 0; };
  // For residues without the atoms that a channel is about, the backbone tells that they were seen.
  const auto seen = [&](AtomMask needed) { return needed ? r.has(needed) : r.observed(); };

  const bool needs_previous = r.in_chain > 0 && acid.letter != 'P';
  const AtomMask carbonyl = atom_bit(AminoAcid::kC) | atom_bit(AminoAcid::kO);
  set(kCb8, r.has_c_beta);
  set(kCovalent, r.observed() && (acid.letter != 'C' || r.has(acid.heavy)));
  set(kHbBackbone, r.observed() && (!needs_previous || residues[i - 1].has(carbonyl)));
  if (acid.letter == 'X') return bits;
  const AtomMask polar = (acid.donors | acid.acceptors) & acid.side_chain;
  set(kHbSideChain, r.has(AtomMask(polar | atom_bit(AminoAcid::kN) | atom_bit(AminoAcid::kO))));
  set(kSalt, seen(acid.acid | acid.cation));
  set(kAromatic, seen(acid.ring | acid.cation));
  set(kHydrophobic, seen(acid.apolar));
  set(kVanDerWaals, r.has(acid.heavy));
  set(kHeavy6, r.has(acid.heavy));
  return bits;
}

}  // namespace heartbeat
