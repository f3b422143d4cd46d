#include "graph/structure.h"

#include <algorithm>
#include <tuple>

#include "graph/amino_acid.h"
#include "graph/structure_chain.h"
#include "graph/structure_file.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

using structure_file::File;
using structure_file::Residue;

constexpr double kAligned = 0.9;  // share of the residues with atoms that must find their place in SEQRES

struct Placed {
  std::vector<std::string> names;  // of the full sequence; empty: an inserted position
  std::vector<Residue> residues;   // with position set, 1-based
};

Placed place_on_sequence(structure_file::Chain chain, ReadSummary& summary) {
  Placed placed{std::move(chain.sequence), {}};
  const bool numbered = std::all_of(chain.residues.begin(), chain.residues.end(),
                                    [](const Residue& residue) { return residue.position > 0; });
  std::vector<Residue> residues =
      numbered ? std::move(chain.residues) : take_polymer(std::move(chain.residues), summary);
  if (!numbered) {
    const std::vector<int> at = structure_file::align(placed.names, residues);
    for (std::size_t r = 0; r < residues.size(); ++r) residues[r].position = at[r];
  }
  std::vector<Residue>& kept = placed.residues;
  for (Residue& residue : residues) {
    if (residue.position < 1 || residue.position > int(placed.names.size()))
      ++summary.outside_sequence;
    else if (!kept.empty() && kept.back().position == residue.position) {
      // Microheterogeneity: the sequence lists the first monomer first, the atoms may come in any order.
      ++summary.microheterogeneity;
      if (residue.name == placed.names[residue.position - 1]) kept.back() = std::move(residue);
    } else {
      kept.push_back(std::move(residue));
    }
  }
  return placed;
}

Placed place_by_atoms(structure_file::Chain chain, ReadSummary& summary) {
  Placed placed;
  placed.residues = take_polymer(std::move(chain.residues), summary);
  const std::vector<int> at = positions_with_gaps(placed.residues, summary);
  if (!at.empty()) placed.names.resize(at.back() + 1);
  for (std::size_t r = 0; r < at.size(); ++r) {
    placed.residues[r].position = at[r] + 1;
    placed.names[at[r]] = placed.residues[r].name;
  }
  return placed;
}

void drop_caps(Placed& placed, ReadSummary& summary) {
  std::size_t front = 0, back = 0;
  const std::size_t length = placed.names.size();
  while (front < length && is_cap(placed.names[front])) ++front;
  while (front + back < length && is_cap(placed.names[length - 1 - back])) ++back;
  summary.caps += int(front + back);
  placed.names.erase(placed.names.end() - back, placed.names.end());
  placed.names.erase(placed.names.begin(), placed.names.begin() + front);
  std::erase_if(placed.residues, [&](Residue& residue) {
    residue.position -= int(front);
    return residue.position < 1 || residue.position > int(placed.names.size());
  });
}

// An occupancy of 0 marks an atom as modelled, not seen; where a whole chain has no other, nobody filled the column in.
void fill_occupancy(Placed& placed, ReadSummary& summary) {
  for (const Residue& residue : placed.residues)
    for (const structure_file::Atom& atom : residue.atoms)
      if (atom.occupancy > 0) return;
  for (Residue& residue : placed.residues)
    for (structure_file::Atom& atom : residue.atoms) {
      atom.occupancy = 1;
      ++summary.unfilled_occupancy;
    }
}

StructureChain finish(const Placed& placed, const File& file, ReadSummary& summary) {
  StructureChain chain;
  const std::size_t length = placed.names.size();
  chain.sequence.assign(length, kUnknown);
  chain.residues.resize(length);
  for (const Residue& residue : placed.residues) {
    const std::string& name = placed.names[residue.position - 1];
    summary.mismatches += residue.name != name;
    chain.residues[residue.position - 1] = select_atoms(residue, parent_of(name, file.parents), summary);
  }
  for (std::size_t i = 0; i < length; ++i) {
    if (placed.names[i].empty()) continue;
    const std::string parent = parent_of(placed.names[i], file.parents);
    chain.sequence[i] = std::uint8_t(token_of_name(parent));
    if (!chain.residues[i].name.empty()) continue;
    ++summary.missing_residues;
    if (parent == "UNK") ++summary.unknown[placed.names[i]];
  }
  return chain;
}

// Why a chain cannot be used; empty if it can.
std::string refusal(const Placed& placed, int outside) {
  if (placed.residues.empty()) return "holds no amino acids";
  if (placed.names.size() < 2) return "holds a single residue";
  const auto has_backbone = [](const Residue& r) { return r.find("N") && r.find("C"); };
  if (std::none_of(placed.residues.begin(), placed.residues.end(), has_backbone)) return "holds C-alpha atoms only";
  const double aligned = double(placed.residues.size()) / double(placed.residues.size() + outside);
  if (aligned < kAligned) return std::to_string(outside) + " of its residues do not fit its SEQRES";
  return "";
}

using ResidueKey = std::tuple<std::string, int, char>;  // chain, number, insertion code
using Places = std::map<ResidueKey, std::pair<int, int>>;

void add_links(StructureFile& structure, const File& file, const Places& places) {
  const auto place = [&](const structure_file::Link::End& end) {
    const auto found = places.find({end.chain, end.number, end.insertion});
    return found == places.end() ? std::pair(-1, -1) : found->second;
  };
  for (const auto& link : file.links) {
    const auto [chain_a, a] = place(link.ends[0]);
    const auto [chain_b, b] = place(link.ends[1]);
    if (chain_a < 0 || chain_b < 0 || (chain_a == chain_b && a == b)) continue;
    structure.chains[chain_a].links.push_back({a, structure.chains[chain_b].name, b});
    structure.chains[chain_b].links.push_back({b, structure.chains[chain_a].name, a});
  }
}

void count_others(const File& file, ReadSummary& summary) {
  for (const Residue& residue : file.others) {
    if (structure_file::find_monomer(residue.name).kind == structure_file::Kind::water)
      ++summary.waters;
    else
      ++summary.ligands[residue.name];
  }
  summary.models_dropped = std::max(0, file.models - 1);
  summary.listed_missing = file.listed_missing;
  summary.notes = file.notes;
}

}  // namespace

const StructureAtom* StructureResidue::find(const std::string& atom) const {
  for (const StructureAtom& a : atoms)
    if (a.name == atom) return &a;
  return nullptr;
}

long StructureChain::with_atoms() const {
  return std::count_if(residues.begin(), residues.end(), [](const StructureResidue& r) { return !r.atoms.empty(); });
}

long StructureChain::observed() const {
  return std::count_if(residues.begin(), residues.end(), [](const StructureResidue& r) {
    return r.find("N") && r.find("CA") && r.find("C") && r.find("O");
  });
}

StructureFile read_structure(const std::string& path, const ReadOptions& options) {
  File file = structure_file::read(path);
  StructureFile structure;
  structure.name = path.substr(path.find_last_of('/') + 1);
  structure.format = file.format;
  structure.method = file.method;
  if (file.resolution > 0) structure.resolution = file.resolution;
  ReadSummary& summary = structure.summary;
  count_others(file, summary);

  Places places;
  std::string last_refusal = "holds no protein chain";
  bool sequence_unknown = false;
  for (structure_file::Chain& raw : file.chains) {
    const bool from_atoms = raw.sequence.empty();
    const std::string name = raw.name;
    const int outside_before = summary.outside_sequence;
    Placed placed = from_atoms ? place_by_atoms(std::move(raw), summary) : place_on_sequence(std::move(raw), summary);
    drop_caps(placed, summary);
    std::string why_not = refusal(placed, summary.outside_sequence - outside_before);
    if (why_not.empty() && from_atoms && !options.allow_atom_sequence) {
      why_not = "has no SEQRES, so its full sequence is unknown";
      sequence_unknown = true;
    }
    if (!why_not.empty()) {
      summary.notes.push_back("chain " + name + ": skipped, it " + why_not);
      if (!placed.residues.empty()) last_refusal = "chain " + (name.empty() ? "without name" : name) + " " + why_not;
      continue;
    }
    for (const Residue& residue : placed.residues)
      places[{name, residue.number, residue.insertion}] = {int(structure.chains.size()), residue.position - 1};
    fill_occupancy(placed, summary);
    StructureChain chain = finish(placed, file, summary);
    chain.name = name;
    chain.source = structure.name;
    chain.sequence_from_atoms = from_atoms;
    summary.sequence_source = from_atoms ? "atoms" : file.format == "PDB" ? "SEQRES" : "_entity_poly_seq";
    structure.chains.push_back(std::move(chain));
  }
  if (structure.chains.empty())
    throw UserError(path + ": " + last_refusal +
                    (sequence_unknown ? "; pass --allow-atom-sequence to take it from the atoms"
                                      : "; a protein with its backbone and side chains is needed"));
  add_links(structure, file, places);
  return structure;
}

}  // namespace heartbeat
