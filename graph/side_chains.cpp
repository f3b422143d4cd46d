#include "graph/side_chains.h"

#include <cmath>
#include <map>
#include <numbers>

#include "graph/protein.h"

namespace heartbeat {
namespace {

Point unit(const Point& a) {
  return (1 / std::sqrt(dot(a, a))) * a;
}

// An atom hangs on three that were placed before. Its torsion is chi[chi] plus an offset, or the offset alone.
struct AtomRule {
  const char *name, *a, *b, *c;
  int chi;  // 1-based, 0: fixed
  double length, angle, offset;
};
struct Template {
  std::vector<AtomRule> atoms;
  std::vector<std::vector<double>> rotamers;
};

// Lengths, angles and offsets are medians over the 110 first chains of PSICOV-150, rotamers the frequent bins there.
const std::map<char, Template>& templates() {
  static const std::map<char, Template> table = {
      {'S', {{{"OG", "N", "CA", "CB", 1, 1.418, 110.8, 0}}, {{65}, {-65}, {178}}}},
      {'C', {{{"SG", "N", "CA", "CB", 1, 1.811, 114.0, 0}}, {{-65}, {178}, {70}}}},
      {'T',
       {{{"OG1", "N", "CA", "CB", 1, 1.433, 109.3, 0}, {"CG2", "N", "CA", "CB", 1, 1.523, 110.8, -120}},
        {{60}, {-60}, {-170}}}},
      {'V',
       {{{"CG1", "N", "CA", "CB", 1, 1.525, 110.4, 0}, {"CG2", "N", "CA", "CB", 1, 1.524, 110.1, 122}},
        {{175}, {-62}, {70}}}},
      {'I',
       {{{"CG1", "N", "CA", "CB", 1, 1.532, 110.1, 0},
         {"CG2", "N", "CA", "CB", 1, 1.527, 110.4, -123},
         {"CD1", "CA", "CB", "CG1", 2, 1.519, 113.9, 0}},
        {{-62, 170}, {60, 170}, {-170, 170}, {-60, -60}}}},
      {'L',
       {{{"CG", "N", "CA", "CB", 1, 1.531, 116.1, 0},
         {"CD1", "CA", "CB", "CG", 2, 1.522, 110.0, 0},
         {"CD2", "CA", "CB", "CG", 2, 1.522, 110.1, 122}},
        {{-68, 172}, {178, 65}}}},
      {'M',
       {{{"CG", "N", "CA", "CB", 1, 1.521, 113.9, 0},
         {"SD", "CA", "CB", "CG", 2, 1.807, 112.2, 0},
         {"CE", "CB", "CG", "SD", 3, 1.793, 100.6, 0}},
        {{-70, 180, -75}, {-70, 180, 75}, {-68, -60, -75}, {180, 65, 75}}}},
      {'P',
       {{{"CG", "N", "CA", "CB", 1, 1.497, 103.5, 0}, {"CD", "CA", "CB", "CG", 2, 1.512, 103.8, 0}},
        {{30, -40}, {-30, 40}}}},
      {'D',
       {{{"CG", "N", "CA", "CB", 1, 1.516, 112.8, 0},
         {"OD1", "CA", "CB", "CG", 2, 1.249, 119.1, 0},
         {"OD2", "CA", "CB", "CG", 2, 1.250, 118.2, 180}},
        {{-70, -20}, {-170, 0}, {65, -10}}}},
      {'N',
       {{{"CG", "N", "CA", "CB", 1, 1.516, 112.6, 0},
         {"OD1", "CA", "CB", "CG", 2, 1.232, 120.9, 0},
         {"ND2", "CA", "CB", "CG", 2, 1.328, 116.5, 180}},
        {{-70, -30}, {-170, 20}, {-70, 155}, {60, 0}}}},
      {'E',
       {{{"CG", "N", "CA", "CB", 1, 1.521, 113.8, 0},
         {"CD", "CA", "CB", "CG", 2, 1.517, 113.1, 0},
         {"OE1", "CB", "CG", "CD", 3, 1.250, 118.8, 0},
         {"OE2", "CB", "CG", "CD", 3, 1.250, 118.3, 180}},
        {{-70, 180, 0}, {-65, -65, -30}, {180, 180, 0}, {180, 65, 20}}}},
      {'Q',
       {{{"CG", "N", "CA", "CB", 1, 1.522, 113.6, 0},
         {"CD", "CA", "CB", "CG", 2, 1.517, 112.5, 0},
         {"OE1", "CB", "CG", "CD", 3, 1.233, 120.9, 0},
         {"NE2", "CB", "CG", "CD", 3, 1.329, 116.5, 180}},
        {{-70, 175, -20}, {-65, -70, -40}, {180, 180, 0}, {180, 65, 30}}}},
      {'K',
       {{{"CG", "N", "CA", "CB", 1, 1.521, 114.0, 0},
         {"CD", "CA", "CB", "CG", 2, 1.522, 111.4, 0},
         {"CE", "CB", "CG", "CD", 3, 1.522, 111.5, 0},
         {"NZ", "CG", "CD", "CE", 4, 1.491, 111.8, 0}},
        {{-70, 180, 180, 180}, {180, 180, 180, 180}, {-65, -65, 180, 180}, {180, 65, 180, 180}}}},
      {'R',
       {{{"CG", "N", "CA", "CB", 1, 1.522, 113.9, 0},
         {"CD", "CA", "CB", "CG", 2, 1.522, 111.4, 0},
         {"NE", "CB", "CG", "CD", 3, 1.461, 111.9, 0},
         {"CZ", "CG", "CD", "NE", 4, 1.329, 124.4, 0},
         {"NH1", "CD", "NE", "CZ", 0, 1.328, 120.3, 0},
         {"NH2", "CD", "NE", "CZ", 0, 1.327, 119.9, 180}},
        {{-70, 180, 180, 180}, {-72, 180, -65, -85}, {180, 180, 65, 85}, {-65, 180, 65, 180}}}},
      {'H',
       {{{"CG", "N", "CA", "CB", 1, 1.496, 113.6, 0},
         {"ND1", "CA", "CB", "CG", 2, 1.378, 122.7, 0},
         {"CD2", "CA", "CB", "CG", 2, 1.354, 131.1, 180},
         {"CE1", "CB", "CG", "ND1", 0, 1.322, 109.3, 180},
         {"NE2", "CB", "CG", "CD2", 0, 1.374, 107.2, 180}},
        {{-65, -75}, {-70, 95}, {-170, -95}, {-175, 75}}}},
      {'F',
       {{{"CG", "N", "CA", "CB", 1, 1.506, 113.8, 0},
         {"CD1", "CA", "CB", "CG", 2, 1.390, 120.6, 0},
         {"CD2", "CA", "CB", "CG", 2, 1.391, 120.5, 180},
         {"CE1", "CB", "CG", "CD1", 0, 1.393, 120.8, 180},
         {"CE2", "CB", "CG", "CD2", 0, 1.393, 120.8, 180},
         {"CZ", "CG", "CD1", "CE1", 0, 1.389, 119.9, 0}},
        {{-70, 85}, {178, 78}, {-70, -40}, {65, 90}}}},
      {'Y',
       {{{"CG", "N", "CA", "CB", 1, 1.512, 113.6, 0},
         {"CD1", "CA", "CB", "CG", 2, 1.394, 120.9, 0},
         {"CD2", "CA", "CB", "CG", 2, 1.394, 120.8, 180},
         {"CE1", "CB", "CG", "CD1", 0, 1.391, 121.1, 180},
         {"CE2", "CB", "CG", "CD2", 0, 1.391, 121.1, 180},
         {"CZ", "CG", "CD1", "CE1", 0, 1.385, 119.5, 0},
         {"OH", "CD1", "CE1", "CZ", 0, 1.377, 119.7, 180}},
        {{-70, 85}, {178, 75}, {-55, -80}, {65, 90}}}},
      {'W',
       {{{"CG", "N", "CA", "CB", 1, 1.499, 114.0, 0},
         {"CD1", "CA", "CB", "CG", 2, 1.367, 127.0, 0},
         {"CD2", "CA", "CB", "CG", 2, 1.433, 126.6, 180},
         {"NE1", "CB", "CG", "CD1", 0, 1.375, 110.2, 180},
         {"CE2", "CB", "CG", "CD2", 0, 1.413, 107.2, 180},
         {"CE3", "CB", "CG", "CD2", 0, 1.402, 133.9, 0},
         {"CZ2", "CG", "CD2", "CE2", 0, 1.399, 122.4, 180},
         {"CZ3", "CG", "CD2", "CE3", 0, 1.391, 118.7, 180},
         {"CH2", "CD2", "CE2", "CZ2", 0, 1.372, 117.5, 0}},
        {{-68, 100}, {-170, -105}, {-65, -20}, {175, 75}}}},
  };
  return table;
}

const Template& template_of(int token) {
  static const Template none = {{}, {{}}};
  const auto found = templates().find(kAlphabet[token]);
  return found == templates().end() ? none : found->second;
}

}  // namespace

Point place_atom(const Point& a, const Point& b, const Point& c, double length, double angle, double torsion) {
  constexpr double kDegree = std::numbers::pi / 180;
  const Point along = unit(c - b), normal = unit(cross(b - a, along)), side = cross(normal, along);
  const double x = -length * std::cos(angle * kDegree);
  const double y = length * std::sin(angle * kDegree) * std::cos(torsion * kDegree);
  const double z = length * std::sin(angle * kDegree) * std::sin(torsion * kDegree);
  return c + (x * along) + (y * side) + (z * normal);
}

const std::vector<std::vector<double>>& rotamers(int token) {
  return template_of(token).rotamers;
}

std::vector<NamedAtom> side_chain(int token, const Point& n, const Point& ca, const Point& c,
                                  const std::vector<double>& chi) {
  if (token == kUnknown || kAlphabet[token] == 'G') return {};
  std::vector<NamedAtom> placed = {{"N", n}, {"CA", ca}, {"CB", virtual_c_beta(n, ca, c)}};
  const auto find = [&](const char* name) {
    for (const NamedAtom& atom : placed)
      if (atom.name == name) return atom.xyz;
    return Point{};
  };
  for (const AtomRule& rule : template_of(token).atoms) {
    const double torsion = (rule.chi > 0 ? chi[rule.chi - 1] : 0) + rule.offset;
    placed.push_back(
        {rule.name, place_atom(find(rule.a), find(rule.b), find(rule.c), rule.length, rule.angle, torsion)});
  }
  return {placed.begin() + 2, placed.end()};
}

}  // namespace heartbeat
