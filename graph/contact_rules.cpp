// The rules between two residues, atom by atom.
#include <algorithm>

#include "graph/contact_geometry.h"

namespace heartbeat {
namespace {

constexpr double kCBeta = 8.0, kAnyHeavy = 6.0;
constexpr double kDisulfide = 2.5, kHydrogenBond = 3.5, kSaltBridge = 4.0, kSurfaceGap = 0.5;
constexpr double kWidestAtomRule = 4.3;  // two Se: 1.9 + 1.9 + 0.5
constexpr double kStack = 7.0, kTShape = 5.0, kCationPi = 6.0;
constexpr double kCos30 = 0.86602540378443865, kCos45 = 0.70710678118654752, kCos60 = 0.5;

// Angle at `corner` of at least 90 degrees between a bonded neighbour and the partner.
bool open_angle(const Point& neighbour, const Point& corner, const Point& partner) {
  return dot(neighbour - corner, partner - corner) <= 0;
}

// True if no heavy neighbour of the atom leans towards the partner.
bool faces(const PlacedResidue& r, int atom, const Point* previous_c, const Point& partner) {
  for (int b = 0; b < r.acid->atoms; ++b)
    if ((r.acid->bonded[atom] & atom_bit(b)) && r.has(b) && !open_angle(r.at[b], r.at[atom], partner)) return false;
  return atom != AminoAcid::kN || !previous_c || open_angle(*previous_c, r.at[atom], partner);
}

bool can_bond(const PlacedResidue& donor, int d, const PlacedResidue& acceptor, int a) {
  const bool side_chain = (donor.acid->side_chain & atom_bit(d)) || (acceptor.acid->side_chain & atom_bit(a));
  return side_chain && (donor.acid->donors & atom_bit(d)) && (acceptor.acid->acceptors & atom_bit(a));
}

double cosine(const Point& unit, const Point& v) {
  return std::abs(dot(unit, v)) / std::sqrt(std::max(dot(v, v), 1e-12));  // folded to [0, 90] degrees
}

bool stacked(const PlacedResidue& a, const PlacedResidue& b) {
  if (!a.has_ring || !b.has_ring) return false;
  const Point line = b.ring_centre - a.ring_centre;
  const double apart = std::sqrt(dot(line, line));
  if (apart >= kStack) return false;
  const double between = std::abs(dot(a.ring_normal, b.ring_normal));
  const double psi = std::max(cosine(a.ring_normal, line), cosine(b.ring_normal, line));  // the smaller angle
  if (psi <= kCos45) return false;
  return between > kCos30 || (apart < kTShape && between <= kCos60);
}

bool cation_on_ring(const PlacedResidue& cation, const PlacedResidue& ring) {
  if (!ring.has_ring || !ring.acid->cation_pi) return false;
  for (int a = AminoAcid::kCb; a < cation.acid->atoms; ++a) {
    if (!(cation.acid->cation & atom_bit(a)) || !cation.has(a)) continue;
    const Point line = cation.at[a] - ring.ring_centre;
    if (dot(line, line) < kCationPi * kCationPi && cosine(ring.ring_normal, line) > kCos60) return true;
  }
  return false;
}

}  // namespace

std::uint16_t atom_contacts(const PlacedResidue& a, const PlacedResidue& b, const Point* previous_c_of_a,
                            const Point* previous_c_of_b, bool angle_filter) {
  std::uint16_t bits = 0;
  if (a.has_c_beta && b.has_c_beta && distance(a.c_beta, b.c_beta) < kCBeta) bits |= channel_bit(kCb8);
  if (stacked(a, b) || cation_on_ring(a, b) || cation_on_ring(b, a)) bits |= channel_bit(kAromatic);
  if (distance(a.centre, b.centre) >= a.reach + b.reach + kAnyHeavy) return bits;

  for (int p = 0; p < a.acid->atoms; ++p) {
    if (!a.has(p)) continue;
    for (int q = 0; q < b.acid->atoms; ++q) {
      if (!b.has(q)) continue;
      const double apart = distance(a.at[p], b.at[q]);
      if (apart >= kAnyHeavy) continue;
      bits |= channel_bit(kHeavy6);
      if (apart >= kWidestAtomRule) continue;
      const AtomMask in_a = atom_bit(p), in_b = atom_bit(q);
      if (apart < a.radius[p] + b.radius[q] + kSurfaceGap) {
        bits |= channel_bit(kVanDerWaals);
        if ((a.acid->apolar & in_a) && (b.acid->apolar & in_b)) bits |= channel_bit(kHydrophobic);
      }
      if (apart < kSaltBridge &&
          (((a.acid->acid & in_a) && (b.acid->cation & in_b)) || ((a.acid->cation & in_a) && (b.acid->acid & in_b))))
        bits |= channel_bit(kSalt);
      if (apart < kHydrogenBond && !(bits & channel_bit(kHbSideChain)) &&
          (can_bond(a, p, b, q) || can_bond(b, q, a, p)) &&
          (!angle_filter || (faces(a, p, previous_c_of_a, b.at[q]) && faces(b, q, previous_c_of_b, a.at[p]))))
        bits |= channel_bit(kHbSideChain);
      if (apart < kDisulfide && a.acid->letter == 'C' && b.acid->letter == 'C' && a.acid->atom_name[p] == "SG" &&
          b.acid->atom_name[q] == "SG")
        bits |= channel_bit(kCovalent);
    }
  }
  // The two halves of a disulfide touch because they are bonded.
  if (bits & channel_bit(kCovalent)) bits &= std::uint16_t(~channel_bit(kHydrophobic));
  return bits;
}

}  // namespace heartbeat
