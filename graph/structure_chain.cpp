#include "graph/structure_chain.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <string_view>

#include "graph/amino_acid.h"

namespace heartbeat {
namespace {

using structure_file::Atom;
using structure_file::Kind;
using structure_file::Residue;

constexpr double kBonded = 2.5;          // C to N, the chain-break limit of DSSP
constexpr double kBreak = 4.5;           // C-alpha to C-alpha of neighbours is 3.8, or 2.9 for a cis peptide
constexpr int kLargestGap = 100;         // a jump in numbering beyond this is a convention, not missing residues
constexpr double kLongestResidue = 3.9;  // a stretched chain spans this much C-alpha distance per residue

double distance(const Point& a, const Point& b) {
  return std::sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
}

// Smallest distance over all conformations; infinite if an atom is missing.
double closest(const Residue& a, std::string_view in_a, const Residue& b, std::string_view in_b) {
  double best = std::numeric_limits<double>::infinity();
  for (const Atom& p : a.atoms)
    for (const Atom& q : b.atoms)
      if (p.name == in_a && q.name == in_b) best = std::min(best, distance(p.xyz, q.xyz));
  return best;
}

bool bonded(const Residue& a, const Residue& b) {
  if (a.find("C") && b.find("N")) return closest(a, "C", b, "N") < kBonded;
  return closest(a, "CA", b, "CA") < kBreak;
}

bool is_amino_acid(const Residue& residue) {
  const Kind kind = structure_file::find_monomer(residue.name).kind;
  if (kind == Kind::amino_acid) return true;
  return (kind == Kind::unknown || kind == Kind::other) && residue.find("N") && residue.find("CA") && residue.find("C");
}

bool is_hydrogen(const Atom& atom) {
  return atom.element == "H" || atom.element == "D";
}

// The conformation with the highest summed occupancy; the first letter wins a tie.
char main_conformation(const Residue& residue) {
  std::map<char, double> occupancy;
  for (const Atom& atom : residue.atoms)
    if (atom.altloc != ' ' && !is_hydrogen(atom)) occupancy[atom.altloc] += atom.occupancy;
  char best = ' ';
  for (const auto& [letter, sum] : occupancy)
    if (best == ' ' || sum > occupancy[best] + 1e-4) best = letter;
  return best;
}

// Names that differ from the template of the standard amino acid.
std::string template_name(const std::string& atom, const std::string& parent) {
  if (atom == "SE" && parent == "MET") return "SD";
  if (atom == "SE" && parent == "CYS") return "SG";
  if (atom == "CD" && parent == "ILE") return "CD1";
  if (atom == "OT1") return "O";
  if (atom == "OT2") return "OXT";
  return atom;
}

}  // namespace

std::vector<Residue> take_polymer(std::vector<Residue> residues, ReadSummary& summary) {
  std::vector<Residue> candidates, taken;
  for (Residue& residue : residues) {
    if (is_amino_acid(residue))
      candidates.push_back(std::move(residue));
    else if (structure_file::find_monomer(residue.name).kind == Kind::water)
      ++summary.waters;
    else
      ++summary.ligands[residue.name];
  }
  const auto same_position = [](const Residue& a, const Residue& b) {
    return a.number == b.number && a.insertion == b.insertion;
  };
  std::vector<Residue> single;
  for (Residue& residue : candidates) {
    if (!single.empty() && same_position(single.back(), residue) && single.back().hetatm == residue.hetatm)
      ++summary.microheterogeneity;
    else
      single.push_back(std::move(residue));
  }
  for (std::size_t first = 0; first < single.size();) {
    std::size_t last = first + 1;
    while (last < single.size() && bonded(single[last - 1], single[last])) ++last;
    const bool protein =
        std::any_of(single.begin() + first, single.begin() + last, [](const Residue& r) { return !r.hetatm; });
    for (; first < last; ++first) {
      if (protein)
        taken.push_back(std::move(single[first]));
      else
        ++summary.ligands[single[first].name];
    }
  }
  return taken;
}

std::vector<int> positions_with_gaps(const std::vector<Residue>& residues, ReadSummary& summary) {
  std::vector<int> positions;
  for (std::size_t i = 0; i < residues.size(); ++i) {
    if (i == 0) {
      positions.push_back(0);
      continue;
    }
    const int missing = residues[i].number - residues[i - 1].number - 1;
    const double apart = closest(residues[i - 1], "CA", residues[i], "CA");
    const bool distant = std::isfinite(apart) && apart > kBreak;
    const bool insert = distant && missing > 0 && missing <= kLargestGap && apart < kLongestResidue * (missing + 1);
    if (insert)
      summary.gap_positions += missing;
    else if (distant)
      ++summary.distance_gaps;
    else if (missing > 0)
      ++summary.numbering_gaps;
    positions.push_back(positions.back() + 1 + (insert ? missing : 0));
  }
  return positions;
}

StructureResidue select_atoms(const Residue& residue, const std::string& parent, ReadSummary& summary) {
  StructureResidue chosen{residue.name, parent, residue.number, residue.insertion, {}};
  const int token = token_of_name(parent);
  const AminoAcid& acid = amino_acid(token);
  const char conformation = main_conformation(residue);
  AtomMask present = 0;
  for (const Atom& atom : residue.atoms) {
    const std::string name = template_name(atom.name, parent);
    const int slot = acid.find(name);
    if (is_hydrogen(atom))
      ++summary.hydrogens;
    else if (atom.altloc != ' ' && atom.altloc != conformation)
      ++summary.altloc_atoms;
    else if (atom.occupancy <= 0)
      ++summary.zero_occupancy;
    else if (slot < 0)
      ++summary.extra_atoms;
    else if ((present & atom_bit(slot)) || !std::isfinite(atom.xyz[0] + atom.xyz[1] + atom.xyz[2]))
      ++summary.duplicate_atoms;
    else {
      present |= atom_bit(slot);
      chosen.atoms.push_back({name, atom.element, atom.xyz, atom.occupancy});
    }
  }
  if (token == kUnknown)
    ++summary.unknown[residue.name];
  else if (parent != residue.name)
    ++summary.modified[residue.name + ">" + parent];
  if (token != kUnknown && (present & acid.heavy) != acid.heavy) ++summary.partial_residues;
  return chosen;
}

std::string parent_of(const std::string& name, const std::map<std::string, std::string>& parents) {
  if (token_of_name(name) != kUnknown) return name;
  // Chromophores fuse several residues into one; no single standard residue is their parent.
  static const std::set<std::string> fused = {"CRO", "CR2", "CRQ", "NRQ", "CR8", "CRF", "GYS", "MDO"};
  if (const auto said = parents.find(name); said != parents.end() && token_of_name(said->second) != kUnknown)
    return said->second;
  const auto monomer = structure_file::find_monomer(name);
  const bool modified = monomer.kind == Kind::amino_acid && !fused.count(name);
  return std::string(amino_acid(modified ? token_of(char(std::toupper(monomer.letter))) : kUnknown).name);
}

bool is_cap(const std::string& name) {
  static const std::set<std::string> caps = {"ACE", "FOR", "NH2", "NME", "NMA", "BOC", "IVA", "MYR", "ACY"};
  return caps.count(name) > 0;
}

}  // namespace heartbeat
