// Ideal side chains by internal coordinates: from backbone atoms and chi angles to all heavy atoms of a residue.
#pragma once

#include <string>
#include <vector>

#include "graph/point.h"

namespace heartbeat {

// The point d with |cd| = length, angle(b, c, d) and torsion(a, b, c, d) as given, in angstrom and degrees (the natural
// extension reference frame).
Point place_atom(const Point& a, const Point& b, const Point& c, double length, double angle, double torsion);

struct NamedAtom {
  std::string name;
  Point xyz{};
};

// Chi angles in degrees that real structures often show; one empty list for residues without any.
const std::vector<std::vector<double>>& rotamers(int token);

// Heavy atoms beyond the backbone, C-beta first; none for glycine and X.
std::vector<NamedAtom> side_chain(int token, const Point& n, const Point& ca, const Point& c,
                                  const std::vector<double>& chi);

}  // namespace heartbeat
