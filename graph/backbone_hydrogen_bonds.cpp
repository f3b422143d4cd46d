// Hydrogen bonds of the backbone by electrostatic energy: W. Kabsch and C. Sander, Biopolymers 22 (1983), in the form
// of PDB-REDO/dssp (libdssp/src/dssp.cpp). Unlike there, the first residue after a chain break has no hydrogen.
#include <algorithm>
#include <cmath>

#include "graph/contact_geometry.h"

namespace heartbeat {
namespace {

constexpr double kCoupling = 27.888;  // kcal/mol times angstrom: 332 x 0.42 x 0.2
constexpr double kBond = -0.5, kLowest = -9.9, kTooClose = 0.5, kCaLimit = 9.0;

struct Donor {
  bool exists = false;
  Point nitrogen{}, hydrogen{};
  BackboneHydrogenBond best[2];  // by energy; 0 means none yet
};

Donor donor_at(const std::vector<PlacedResidue>& residues, std::size_t i) {
  Donor donor;
  const PlacedResidue& r = residues[i];
  if (!r.observed() || r.acid->letter == 'P' || !r.follows || !residues[i - 1].has(AminoAcid::kO)) return donor;
  const Point carbonyl = residues[i - 1].at[AminoAcid::kC] - residues[i - 1].at[AminoAcid::kO];
  donor.exists = true;
  donor.nitrogen = r.at[AminoAcid::kN];
  donor.hydrogen = donor.nitrogen + (1 / std::sqrt(dot(carbonyl, carbonyl))) * carbonyl;  // N-H is 1.0
  return donor;
}

double energy(const Donor& donor, const PlacedResidue& acceptor) {
  const Point &c = acceptor.at[AminoAcid::kC], &o = acceptor.at[AminoAcid::kO];
  const double on = distance(o, donor.nitrogen), ch = distance(c, donor.hydrogen);
  const double oh = distance(o, donor.hydrogen), cn = distance(c, donor.nitrogen);
  if (std::min({on, ch, oh, cn}) < kTooClose) return kLowest;
  const double e = kCoupling * (1 / on + 1 / ch - 1 / oh - 1 / cn);
  return std::max(std::round(e * 1000) / 1000, kLowest);
}

void offer(Donor& donor, int i, int j, const PlacedResidue& acceptor) {
  if (!donor.exists) return;
  const BackboneHydrogenBond bond{i, j, energy(donor, acceptor)};
  if (bond.energy < donor.best[0].energy) {
    donor.best[1] = donor.best[0];
    donor.best[0] = bond;
  } else if (bond.energy < donor.best[1].energy) {
    donor.best[1] = bond;
  }
}

}  // namespace

std::vector<BackboneHydrogenBond> backbone_hydrogen_bonds(const std::vector<PlacedResidue>& residues) {
  const int length = int(residues.size());
  std::vector<Donor> donors;
  for (int i = 0; i < length; ++i) donors.push_back(donor_at(residues, i));
  for (int i = 0; i < length; ++i) {
    if (!residues[i].observed()) continue;
    const Point ca = residues[i].at[AminoAcid::kCa];
    for (int j = i + 1; j < length; ++j) {
      const Point line = residues[j].at[AminoAcid::kCa] - ca;
      if (dot(line, line) >= kCaLimit * kCaLimit || !residues[j].observed()) continue;
      offer(donors[i], i, j, residues[j]);
      const bool neighbours = j == i + 1 && residues[i].chain == residues[j].chain;
      if (!neighbours) offer(donors[j], j, i, residues[i]);
    }
  }
  std::vector<BackboneHydrogenBond> bonds;
  for (const Donor& donor : donors)
    for (const BackboneHydrogenBond& bond : donor.best)
      if (bond.energy < kBond) bonds.push_back(bond);
  return bonds;
}

std::vector<BackboneHydrogenBond> backbone_hydrogen_bonds(const std::vector<StructureChain>& chains) {
  return backbone_hydrogen_bonds(place_residues(chains));
}

}  // namespace heartbeat
