#include "graph/contacts.h"

#include <gtest/gtest.h>

#include <set>

#include "kernels/common/error.h"
#include "tests/support/peptides.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;  // NOLINT: atoms are written by the dozen

std::uint16_t channels_of(const Protein& protein, int i, int j) {
  for (const ContactPair& pair : protein.contacts)
    if (pair.i == i && pair.j == j) return pair.channels;
  return 0;
}

bool holds(const Protein& protein, int i, int j, int channel) {
  return channels_of(protein, i, j) >> channel & 1;
}

// Whether two residues far apart in one chain are in contact; what is missing in them masks nothing.
bool touch(int channel, const StructureResidue& a, const StructureResidue& b, bool angle_filter = true) {
  StructureChain chain;
  append(chain, a);
  append_gap(chain, 9);
  append(chain, b);
  ReadOptions options;
  options.keep_partial_positives = true;
  options.hb_angle_filter = angle_filter;
  return holds(label_contacts({chain}, options), 0, 10, channel);
}

StructureResidue one_atom(const std::string& parent, const std::string& atom, double x) {
  return residue_of(parent, {{atom, {x, 0, 0}}});
}

bool touch_at(int channel, const char* parent_a, const char* atom_a, const char* parent_b, const char* atom_b,
              double apart) {
  return touch(channel, one_atom(parent_a, atom_a, 0), one_atom(parent_b, atom_b, apart)) &&
         touch(channel, one_atom(parent_b, atom_b, 0), one_atom(parent_a, atom_a, apart));
}

// A six-membered ring around the centre; normal and in_plane are unit and orthogonal.
StructureResidue phe(const Point& centre, const Point& normal, const Point& in_plane) {
  const Point other = cross(normal, in_plane);
  NamedPoints atoms;
  int corner = 0;
  for (const char* name : {"CG", "CD1", "CE1", "CZ", "CE2", "CD2"}) {
    const double angle = corner++ * std::acos(-1.0) / 3;
    atoms.push_back({name, centre + (1.39 * std::cos(angle) * in_plane) + (1.39 * std::sin(angle) * other)});
  }
  return residue_of("PHE", atoms);
}

Point tilted(double degrees) {
  const double angle = degrees * std::acos(-1.0) / 180;
  return {std::sin(angle), 0, std::cos(angle)};
}

// A second ring whose normal is tilted, with its centre at the end of a line from the first ring's centre that makes
// the angle line_tilt with the first normal (z).
bool rings_touch(double apart, double tilt, double line_tilt) {
  const StructureResidue a = phe({0, 0, 0}, {0, 0, 1}, {1, 0, 0});
  return touch(kAromatic, a, phe(apart * tilted(line_tilt), tilted(tilt), {0, 1, 0}));
}

TEST(Contacts, DistanceThresholdsFromBothSides) {
  struct Case {
    int channel;
    const char *parent_a, *atom_a, *parent_b, *atom_b;
    double limit;  // strict
  };
  const Case cases[] = {
      {kCb8, "ALA", "CB", "LYS", "CB", 8.0},           {kCb8, "GLY", "CA", "LYS", "CB", 8.0},
      {kCovalent, "CYS", "SG", "CYS", "SG", 2.5},      {kHbSideChain, "SER", "OG", "ASN", "OD1", 3.5},
      {kHbSideChain, "ARG", "NE", "ALA", "O", 3.5},    {kHbSideChain, "ALA", "N", "HIS", "NE2", 3.5},
      {kSalt, "ASP", "OD1", "LYS", "NZ", 4.0},         {kSalt, "GLU", "OE2", "ARG", "NH1", 4.0},
      {kHydrophobic, "LEU", "CD1", "VAL", "CG2", 3.9}, {kHydrophobic, "MET", "SD", "PHE", "CZ", 4.0},
      {kHydrophobic, "MET", "SD", "CYS", "SG", 4.1},   {kVanDerWaals, "GLY", "CA", "GLY", "N", 3.75},
      {kVanDerWaals, "GLY", "O", "SER", "OG", 3.54},   {kVanDerWaals, "LYS", "NZ", "ASP", "OD2", 3.57},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(touch_at(c.channel, c.parent_a, c.atom_a, c.parent_b, c.atom_b, c.limit - 1e-6)) << c.limit;
    EXPECT_FALSE(touch_at(c.channel, c.parent_a, c.atom_a, c.parent_b, c.atom_b, c.limit + 1e-6)) << c.limit;
  }
  EXPECT_FALSE(touch_at(kCb8, "ALA", "CB", "LYS", "CB", 8.0));
}

TEST(Contacts, AtomsThatHaveNoPartInAChannel) {
  EXPECT_FALSE(touch_at(kSalt, "ASP", "OD1", "HIS", "NE2", 3));
  EXPECT_FALSE(touch_at(kSalt, "ASP", "OD1", "ARG", "NE", 3));
  EXPECT_FALSE(touch_at(kSalt, "ASN", "OD1", "LYS", "NZ", 3));
  EXPECT_FALSE(touch_at(kHbSideChain, "ALA", "N", "ALA", "O", 3)) << "both are backbone";
  EXPECT_FALSE(touch_at(kHbSideChain, "ASP", "OD1", "GLU", "OE1", 3)) << "two acceptors";
  EXPECT_FALSE(touch_at(kHbSideChain, "PRO", "N", "ASP", "OD1", 3)) << "proline has no hydrogen";
  EXPECT_FALSE(touch_at(kHydrophobic, "TRP", "CD1", "LEU", "CD1", 3)) << "bonded to N";
  EXPECT_FALSE(touch_at(kHydrophobic, "PRO", "CD", "LEU", "CD1", 3)) << "bonded to N";
  EXPECT_FALSE(touch_at(kHydrophobic, "LEU", "CA", "LEU", "CD1", 3)) << "backbone";
  EXPECT_FALSE(touch_at(kHydrophobic, "TYR", "CG", "LEU", "CD1", 3)) << "not among the apolar residues";
  EXPECT_FALSE(touch_at(kCovalent, "CYS", "SG", "MET", "SD", 2.0));
  EXPECT_FALSE(touch_at(kVanDerWaals, "CYS", "SG", "CYS", "SG", 2.0)) << "covalent pairs are no van der Waals pairs";
  EXPECT_FALSE(touch_at(kHydrophobic, "CYS", "SG", "CYS", "SG", 2.0));
}

TEST(Contacts, SeleniumIsLargerThanSulphur) {
  StructureResidue mse = one_atom("MET", "SD", 0);
  EXPECT_FALSE(touch(kHydrophobic, mse, one_atom("LEU", "CD1", 4.05)));
  mse.atoms[0].element = "Se";
  EXPECT_TRUE(touch(kHydrophobic, mse, one_atom("LEU", "CD1", 4.05)));
  EXPECT_FALSE(touch(kHydrophobic, mse, one_atom("LEU", "CD1", 4.11)));
}

TEST(Contacts, HydrogenBondAnglesOfAtLeastNinetyDegrees) {
  const StructureResidue acceptor = one_atom("ASN", "OD1", 3.0);
  for (const double lean : {-0.01, 0.01}) {  // the neighbour of the donor leans away from, or towards, the acceptor
    const StructureResidue donor = residue_of("SER", {{"OG", {0, 0, 0}}, {"CB", {lean, 1.4, 0}}});
    EXPECT_EQ(touch(kHbSideChain, donor, acceptor), lean < 0);
    EXPECT_TRUE(touch(kHbSideChain, donor, acceptor, false));
    const StructureResidue leaning = residue_of("ASN", {{"OD1", {3, 0, 0}}, {"CG", {3 - lean, 1.2, 0}}});
    EXPECT_EQ(touch(kHbSideChain, one_atom("SER", "OG", 0), leaning), lean < 0);
  }
}

// The C of the previous residue is a neighbour of a backbone N, too.
TEST(Contacts, HydrogenBondAnglesSeeThePreviousResidue) {
  for (const double lean : {-0.01, 0.01}) {
    StructureChain chain;
    append(chain, residue_of("ALA", {{"C", {lean, 1.33, 0}}}));
    append(chain, one_atom("ALA", "N", 0));
    append_gap(chain, 5);
    append(chain, one_atom("ASN", "OD1", 3.0));
    ReadOptions options;
    options.keep_partial_positives = true;
    EXPECT_EQ(holds(label_contacts({chain}, options), 1, 7, kHbSideChain), lean < 0);
  }
}

TEST(Contacts, AromaticGeometryFromBothSides) {
  EXPECT_TRUE(rings_touch(6.999, 0, 0));  // parallel: distance, angle of the normals, psi
  EXPECT_FALSE(rings_touch(7.001, 0, 0));
  EXPECT_TRUE(rings_touch(6.0, 29.9, 0));
  EXPECT_FALSE(rings_touch(6.0, 30.1, 0));
  EXPECT_TRUE(rings_touch(5.5, 0, 44.9));
  EXPECT_FALSE(rings_touch(5.5, 0, 45.1));
  EXPECT_TRUE(rings_touch(4.999, 90, 0));  // T
  EXPECT_FALSE(rings_touch(5.001, 90, 0));
  EXPECT_TRUE(rings_touch(4.9, 60.1, 0));
  EXPECT_FALSE(rings_touch(4.9, 59.9, 0));
  EXPECT_TRUE(rings_touch(4.9, 90, 44.9));
  const auto cation = [](const char* parent, const char* atom, double apart, double degrees) {
    const StructureResidue ring = phe({0, 0, 0}, {0, 0, 1}, {1, 0, 0});
    return touch(kAromatic, residue_of(parent, {{atom, apart * tilted(degrees)}}), ring);
  };
  EXPECT_TRUE(cation("LYS", "NZ", 5.999, 0));
  EXPECT_FALSE(cation("LYS", "NZ", 6.001, 0));
  EXPECT_TRUE(cation("ARG", "NH2", 5.0, 59.9));
  EXPECT_FALSE(cation("ARG", "NH2", 5.0, 60.1));
  EXPECT_FALSE(cation("ARG", "NE", 4.0, 0)) << "the charge is counted on NH1 and NH2";
  EXPECT_FALSE(cation("ASN", "ND2", 4.0, 0));
}

TEST(Contacts, HistidineStacksButAttractsNoCation) {
  const StructureResidue his = residue_of("HIS", {{"CG", {1.2, 0, 0}},
                                                  {"ND1", {0.3, 1.1, 0}},
                                                  {"CD2", {0.3, -1.1, 0}},
                                                  {"CE1", {-1, 0.7, 0}},
                                                  {"NE2", {-1, -0.7, 0}}});
  EXPECT_TRUE(touch(kAromatic, his, phe({0, 0, 4}, {0, 0, 1}, {1, 0, 0})));
  EXPECT_FALSE(touch(kAromatic, his, residue_of("LYS", {{"NZ", {0, 0, 4}}})));
}

TEST(Contacts, PeptideBondUpToTheChainBreakLimit) {
  for (const double apart : {2.5, 2.501}) {
    StructureChain chain;
    append(chain, residue_of("ALA", {{"C", {0, 0, 0}}}));
    append(chain, residue_of("ALA", {{"N", {apart, 0, 0}}}));
    ReadOptions options;
    options.keep_partial_positives = true;
    EXPECT_EQ(holds(label_contacts({chain}, options), 0, 1, kCovalent), apart == 2.5);
  }
}

// C=O and H-N on one line, so the energy has a closed form: it crosses -0.5 between 5.1 and 5.2.
TEST(Contacts, BackboneBondEnergyOnBothSidesOfTheLimit) {
  for (const double r : {5.1, 5.2}) {
    StructureChain chain;
    append(chain, residue_of("ALA", {{"N", {-3, 1, 0}}, {"CA", {-2, 1, 0}}, {"C", {-1.24, 0, 0}}, {"O", {0, 0, 0}}}));
    append_gap(chain, 3);
    append(chain,
           residue_of("ALA", {{"N", {r, 3, 0}}, {"CA", {r, 2.5, 0}}, {"C", {r, 1.3, 0}}, {"O", {r + 1.2, 1.3, 0}}}));
    append(chain,
           residue_of("ALA", {{"N", {r, 0, 0}}, {"CA", {r + 1, -1, 0}}, {"C", {r + 2, -1, 0}}, {"O", {r + 3, -1, 0}}}));
    const auto bonds = backbone_hydrogen_bonds(std::vector{chain});
    const double energy = 27.888 * (1 / r + 1 / (r + 0.24) - 1 / (r - 1) - 1 / (r + 1.24));
    ASSERT_EQ(bonds.size(), energy < -0.5 ? 1u : 0u) << r;
    if (bonds.empty()) continue;
    EXPECT_EQ(bonds[0].donor, 5);
    EXPECT_EQ(bonds[0].acceptor, 0);
    EXPECT_NEAR(bonds[0].energy, energy, 0.0005);
    EXPECT_TRUE(holds(label_contacts({chain}), 0, 5, kHbBackbone));
  }
}

TEST(Contacts, AnIdealHelixBondsFourResiduesAhead) {
  const Protein helix = label_contacts({ideal_chain(20, -60, -45)});
  int bonds = 0;
  for (const ContactPair& pair : helix.contacts)
    if (pair.channels & channel_bit(kHbBackbone)) {
      EXPECT_EQ(pair.j - pair.i, 4);
      ++bonds;
    }
  EXPECT_EQ(bonds, 16);
}

// Two extended strands related by a two-fold axis through the centre of a hydrogen-bonded pair.
TEST(Contacts, AnAntiparallelPairGivesTheLadder) {
  const StructureChain strand = ideal_chain(9, -139, 135);
  const int middle = 4;
  const Point axis = unit(atom_of(strand, middle + 2, "CA") - atom_of(strand, middle - 2, "CA"));
  Point across = atom_of(strand, middle, "O") - atom_of(strand, middle, "C");
  across = unit(across - (dot(across, axis) * axis));
  const Point normal = cross(axis, across);
  const Point centre = atom_of(strand, middle, "CA") + (2.75 * across);
  StructureChain hairpin = strand;
  append_gap(hairpin, 4);
  const auto turn = [&](const Point& p) { return centre + (2 * dot(p - centre, normal) * normal) - (p - centre); };
  for (const StructureResidue& residue : moved(strand, turn).residues) append(hairpin, residue);

  std::set<std::pair<int, int>> ladder;
  for (const BackboneHydrogenBond& bond : backbone_hydrogen_bonds(std::vector{hairpin}))
    ladder.insert({bond.donor, bond.acceptor});
  const int mate = 13 + middle;  // the same residue on the other strand
  const std::set<std::pair<int, int>> expected = {{middle, mate},         {mate, middle},
                                                  {middle - 2, mate + 2}, {mate + 2, middle - 2},
                                                  {middle + 2, mate - 2}, {mate - 2, middle + 2}};
  for (const auto& bond : expected) EXPECT_TRUE(ladder.count(bond)) << bond.first << " to " << bond.second;
  for (const auto& [donor, acceptor] : ladder) EXPECT_EQ(donor + acceptor, middle + mate) << "all on one ladder";
}

TEST(Contacts, RotationAndTranslationChangeNothing) {
  const StructureChain helix = ideal_chain(24, -60, -45);
  const Protein before = label_contacts({helix});
  const Protein after = label_contacts({moved(helix, [](const Point& p) {
    const double c = std::cos(0.7), s = std::sin(0.7);
    const Point q{c * p[0] - s * p[1], s * p[0] + c * p[1], p[2]};
    return Point{100 + q[0], c * q[1] - s * q[2] - 40, s * q[1] + c * q[2] + 7};
  })});
  EXPECT_EQ(before.contacts, after.contacts);
  EXPECT_EQ(before.observed, after.observed);
  EXPECT_GT(before.contacts.size(), 60u);
}

TEST(Contacts, ATruncatedLysineIsUnknownNotNegative) {
  const auto chain_with = [](bool whole) {
    StructureChain chain = ideal_chain(8, -60, -45);
    StructureResidue& lysine = chain.residues[3];
    lysine.parent = "LYS";
    chain.sequence[3] = std::uint8_t(token_of_name("LYS"));
    Point at = lysine.find("CB")->xyz;
    for (const char* name : {"CG", "CD", "CE", "NZ"}) {
      at = at + Point{0.9, 0.9, 0.9};
      if (whole || name != std::string("NZ")) lysine.atoms.push_back({name, std::string(1, name[0]), at, 1});
    }
    return label_contacts({chain});
  };
  EXPECT_EQ(chain_with(true).observed[3], 0x1ff);
  EXPECT_EQ(chain_with(false).observed[3],
            channel_bit(kCb8) | channel_bit(kCovalent) | channel_bit(kHbBackbone) | channel_bit(kHydrophobic));
}

TEST(Contacts, PartialPositivesAreMaskedUnlessKept) {
  StructureChain chain;
  append(chain, one_atom("ASP", "OD1", 0));  // OD2 is missing
  append_gap(chain, 5);
  append(chain, one_atom("LYS", "NZ", 3));
  EXPECT_FALSE(holds(label_contacts({chain}), 0, 6, kSalt));
  ReadOptions keep;
  keep.keep_partial_positives = true;
  EXPECT_TRUE(holds(label_contacts({chain}, keep), 0, 6, kSalt));
}

TEST(Contacts, UnknownResiduesMaskTheSideChain) {
  StructureChain chain = ideal_chain(6, -60, -45);
  chain.sequence[2] = kUnknown;
  chain.residues[2].parent = "UNK";
  append_gap(chain, 1);
  const Protein protein = label_contacts({chain});
  EXPECT_EQ(protein.observed[2], channel_bit(kCb8) | channel_bit(kCovalent) | channel_bit(kHbBackbone));
  EXPECT_EQ(protein.observed[6], 0);
  EXPECT_TRUE(std::isnan(protein.c_beta[6 * 3]));
}

TEST(Contacts, AMissingCBetaIsPlacedFromTheBackbone) {
  StructureChain chain = ideal_chain(3, -60, -45);
  const Point real = chain.residues[1].find("CB")->xyz;
  chain.residues[1].atoms.pop_back();
  const Protein protein = label_contacts({chain});
  ASSERT_TRUE(protein.observed[1] & channel_bit(kCb8));
  const Point placed{protein.c_beta[3], protein.c_beta[4], protein.c_beta[5]};
  EXPECT_LT(distance(real, placed), 0.1);
}

TEST(Contacts, BetweenChainsThereIsNoSeparationLimit) {
  StructureChain a, b;
  a.name = "A", b.name = "B";
  append(a, one_atom("GLY", "CA", 0));
  append(b, one_atom("GLY", "CA", 5.999));
  ReadOptions options;
  options.keep_partial_positives = true;
  EXPECT_EQ(channels_of(label_contacts({a, b}, options), 0, 1), channel_bit(kCb8) | channel_bit(kHeavy6));
  b.residues[0].atoms[0].xyz[0] = 6;
  EXPECT_EQ(channels_of(label_contacts({a, b}, options), 0, 1), channel_bit(kCb8));
  append(a, one_atom("GLY", "CA", 1));
  EXPECT_EQ(channels_of(label_contacts({a}, options), 0, 1), 0) << "inside a chain cb8 asks for separation 3";
  EXPECT_EQ(label_contacts({a, b}, options).segment, (std::vector<std::uint8_t>{0, 0, 1}));
}

TEST(Contacts, AnnotatedLinksAreCovalentAndNotVanDerWaals) {
  StructureChain chain;
  append(chain, residue_of("LYS", {{"NZ", {0, 0, 0}}}));
  append_gap(chain, 5);
  append(chain, residue_of("ASN", {{"CG", {1.4, 0, 0}}}));
  ReadOptions options;
  options.keep_partial_positives = true;
  EXPECT_TRUE(holds(label_contacts({chain}, options), 0, 6, kVanDerWaals));
  chain.links = {{0, "", 6}};
  EXPECT_EQ(channels_of(label_contacts({chain}, options), 0, 6), channel_bit(kCovalent));
}

TEST(Contacts, AHomodimerKnowsNoFirstChain) {
  StructureChain a = ideal_chain(5, -60, -45), b = moved(a, [](const Point&p) { return p + Point{0, 8, 3}; });
  b.name = "B";
  const Protein raw = label_contacts({a, b}), merged = merge_homodimer(raw);
  EXPECT_GT(merged.contacts.size(), raw.contacts.size());
  for (const ContactPair& pair : merged.contacts) {
    if (pair.i >= 5 || pair.j < 5) continue;
    EXPECT_EQ(pair.channels, channels_of(merged, pair.j - 5, pair.i + 5));
  }
}

TEST(Contacts, NothingInNothingOut) {
  const Protein none = label_contacts({});
  EXPECT_EQ(none.length(), 0);
  EXPECT_TRUE(none.contacts.empty());
  StructureChain one;
  append(one, one_atom("GLY", "CA", 0));
  EXPECT_TRUE(label_contacts({one}).contacts.empty());
}

TEST(Contacts, TooLongForLabels) {
  StructureChain chain;
  append_gap(chain, 65536);
  EXPECT_THROW(label_contacts({chain}), UserError);
}

}  // namespace
}  // namespace heartbeat
