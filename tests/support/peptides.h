// Chains built atom by atom for tests of the labeller.
#pragma once

#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "graph/contact_geometry.h"
#include "graph/structure.h"

namespace heartbeat::testing {

using NamedPoints = std::vector<std::pair<std::string, Point>>;

// A residue of the standard amino acid `parent` with just these atoms; the element is the first letter of the name.
inline StructureResidue residue_of(const std::string& parent, const NamedPoints& atoms) {
  StructureResidue residue{parent, parent, 0, ' ', {}};
  for (const auto& [name, xyz] : atoms) residue.atoms.push_back({name, name.substr(0, 1), xyz, 1});
  return residue;
}

inline void append(StructureChain& chain, const StructureResidue& residue) {
  chain.sequence.push_back(std::uint8_t(token_of_name(residue.parent)));
  chain.residues.push_back(residue);
}

// Positions without atoms.
inline void append_gap(StructureChain& chain, int count) {
  for (int i = 0; i < count; ++i) append(chain, {});
}

inline Point unit(const Point& v) {
  return (1 / std::sqrt(dot(v, v))) * v;
}

// The atom at `length` from c, with the angle b-c-d and the torsion a-b-c-d in degrees.
inline Point next_atom(const Point& a, const Point& b, const Point& c, double length, double angle, double torsion) {
  const double degree = std::acos(-1.0) / 180, theta = angle * degree, phi = torsion * degree;
  const Point x = unit(c - b), n = unit(cross(b - a, x)), m = cross(n, x);
  return c + (-length * std::cos(theta) * x) + (length * std::sin(theta) * std::cos(phi) * m) +
         (length * std::sin(theta) * std::sin(phi) * n);
}

// Alanines of ideal backbone geometry with one pair of torsions.
inline StructureChain ideal_chain(int length, double phi, double psi) {
  StructureChain chain;
  Point n{0, 0, 0}, ca{1.458, 0, 0};
  Point c = next_atom({0, 1, 0}, n, ca, 1.525, 111, 120);
  for (int i = 0; i < length; ++i) {
    const Point next_n = next_atom(n, ca, c, 1.329, 116.6, psi);
    const Point next_ca = next_atom(ca, c, next_n, 1.458, 121.7, 180);
    const Point o = next_atom(next_ca, next_n, c, 1.231, 123.0, 0);
    const Point cb = next_atom(n, c, ca, 1.53, 110.1, 122.5);
    append(chain, residue_of("ALA", {{"N", n}, {"CA", ca}, {"C", c}, {"O", o}, {"CB", cb}}));
    const Point next_c = next_atom(c, next_n, next_ca, 1.525, 111, phi);
    n = next_n, ca = next_ca, c = next_c;
  }
  return chain;
}

inline const Point& atom_of(const StructureChain& chain, int i, const std::string& name) {
  return chain.residues[i].find(name)->xyz;
}

template <class Move>
StructureChain moved(StructureChain chain, Move move) {
  for (StructureResidue& residue : chain.residues)
    for (StructureAtom& atom : residue.atoms) atom.xyz = move(atom.xyz);
  return chain;
}

}  // namespace heartbeat::testing
