#include "graph/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "graph/amino_acid.h"
#include "graph/protein.h"

namespace heartbeat {
namespace {

double distance(const Point& a, const Point& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
const Point& atom(const SyntheticResidue& residue, const std::string& name) {
  for (const NamedAtom& a : residue.atoms)
    if (a.name == name) return a.xyz;
  throw std::out_of_range(name);
}

std::string name(int n) {
  return std::string(1, 'p').append(std::to_string(n));
}

TEST(Synthetic, PlaceAtomMeetsItsThreeCoordinates) {
  const Point a = {1, 2, 3}, b = {2, 2.5, 2}, c = {3, 1, 2.5};
  const Point d = place_atom(a, b, c, 1.5, 110, -60);
  EXPECT_NEAR(distance(c, d), 1.5, 1e-12);
  const double bc = distance(b, c), bd = distance(b, d);
  EXPECT_NEAR((bc * bc + 1.5 * 1.5 - bd * bd) / (2 * bc * 1.5), std::cos(110 * M_PI / 180), 1e-12);
  // Looking along bc, the torsion turns the plane abc clockwise into the plane bcd.
  const Point x = {1, 1, 0}, y = {0, 0, 0}, z = {0, 0, 1};
  const Point turned = place_atom({1, 0, 0}, y, z, 1, 90, 90);
  EXPECT_NEAR(distance(turned, {0, 1, 1}), 0, 1e-12);
  EXPECT_NEAR(distance(place_atom(x, y, z, 1, 90, 0), {std::sqrt(0.5), std::sqrt(0.5), 1}), 0, 1e-12);
}

TEST(Synthetic, SideChainsHaveTheAtomsAndBondsOfTheTemplates) {
  const Point n = {0, 0, 0}, ca = {1.458, 0, 0}, c = {2.0, 1.43, 0};
  for (int t = 0; t < kUnknown; ++t)
    for (const auto& chi : rotamers(t)) {
      const AminoAcid& acid = amino_acid(t);
      const auto atoms = side_chain(t, n, ca, c, chi);
      AtomMask named = 0;
      for (const NamedAtom& x : atoms) {
        const int slot = acid.find(x.name);
        ASSERT_GE(slot, 0) << acid.name << " " << x.name;
        named |= atom_bit(slot);
        for (const NamedAtom& y : atoms) {
          if (&y == &x) break;
          const bool bonded = acid.bonded[slot] & atom_bit(acid.find(y.name));
          const double apart = distance(x.xyz, y.xyz);
          ASSERT_TRUE(bonded ? apart > 1.2 && apart < 1.9 : apart > 2) << acid.name << " " << x.name << " " << y.name;
        }
      }
      EXPECT_EQ(named, acid.side_chain) << acid.name;
    }
  EXPECT_TRUE(side_chain(kUnknown, n, ca, c, {}).empty());
  // Natural threonine and isoleucine: the second centre has one hand only.
  const auto thr = side_chain(token_of('T'), n, ca, c, {60});
  EXPECT_NEAR(distance(thr[1].xyz, thr[2].xyz), 2.39, 0.1);
}

TEST(Synthetic, BackbonesAreChainsOfIdealBonds) {
  for (int n = 0; n < 20; ++n) {
    const SyntheticProtein protein = make_protein(name(n), 40 + 4 * n, 1);
    ASSERT_EQ(long(protein.residues.size()), 40 + 4 * n);
    const SyntheticResidue* last = nullptr;
    for (const SyntheticResidue& residue : protein.residues) {
      if (residue.atoms.empty()) {
        ASSERT_EQ(last, nullptr);  // only the tag is unobserved
        continue;
      }
      if (last) {
        ASSERT_NEAR(distance(atom(*last, "C"), atom(residue, "N")), 1.329, 1e-9);
        ASSERT_NEAR(distance(atom(*last, "CA"), atom(residue, "CA")), 3.81, 0.05);  // all peptides trans
      }
      last = &residue;
    }
  }
}

// DSSP's rule, from the definition.
double hydrogen_bond(const SyntheticResidue& before, const SyntheticResidue& donor, const SyntheticResidue& acceptor) {
  const Point n = atom(donor, "N"), c1 = atom(before, "C"), o1 = atom(before, "O");
  Point h;
  for (int x = 0; x < 3; ++x) h[x] = n[x] + (c1[x] - o1[x]) / distance(c1, o1);
  const Point o = atom(acceptor, "O"), c = atom(acceptor, "C");
  return 27.888 * (1 / distance(o, n) + 1 / distance(c, h) - 1 / distance(o, h) - 1 / distance(c, n));
}

TEST(Synthetic, HelicesAndHairpinsHaveTheirHydrogenBonds) {
  long helix = 0, helix_bonded = 0, ladders = 0, ladder_bonds = 0;
  for (int n = 0; n < 30; ++n) {
    const auto& r = make_protein(name(n), 90, 2).residues;
    for (std::size_t i = 5; i < r.size(); ++i) {
      if (r[i - 5].atoms.empty()) continue;
      if (r[i].structure == 'H' && r[i - 4].structure == 'H') {
        ++helix;
        helix_bonded += hydrogen_bond(r[i - 1], r[i], r[i - 4]) < -0.5;
      }
      if (r[i].structure == 'T' && r[i - 1].structure == 'T' && i + 2 < r.size()) {  // partners i - 2 and i + 1
        ++ladders;
        ladder_bonds +=
            (hydrogen_bond(r[i - 3], r[i - 2], r[i + 1]) < -0.5) + (hydrogen_bond(r[i], r[i + 1], r[i - 2]) < -0.5);
      }
    }
  }
  EXPECT_GT(helix, 100);
  EXPECT_EQ(helix_bonded, helix);
  EXPECT_GT(ladders, 20);
  EXPECT_EQ(ladder_bonds, 2 * ladders);
}

TEST(Synthetic, TheSequenceTellsOfTheFold) {
  std::map<char, std::map<char, double>> count;
  for (int n = 0; n < 60; ++n)
    for (const SyntheticResidue& r : make_protein(name(n), 80, 3).residues)
      ++count[r.structure][kAlphabet[r.token]], ++count[r.structure]['*'];
  EXPECT_GT(count['H']['A'] / count['H']['*'], 0.08);
  EXPECT_EQ(count['H']['G'] + count['H']['P'], 0);
  EXPECT_GT(count['E']['V'] / count['E']['*'], 0.1);
  EXPECT_GT(count['T']['G'] / count['T']['*'], 0.4);
  EXPECT_GT(count['-']['P'] / count['-']['*'], 0.05);
}

TEST(Synthetic, TheSameSeedWritesTheSameBytes) {
  const std::string text = mmcif_of(make_protein("p", 60, 1));
  EXPECT_EQ(text, mmcif_of(make_protein("p", 60, 1)));
  EXPECT_NE(text, mmcif_of(make_protein("p", 60, 2)));
  EXPECT_NE(text, mmcif_of(make_protein("q", 60, 1)));
  EXPECT_THROW(make_protein("p", 19, 1), std::invalid_argument);
  for (long length = 20; length < 60; ++length) EXPECT_EQ(long(make_protein("p", length, 1).residues.size()), length);
}

}  // namespace
}  // namespace heartbeat
