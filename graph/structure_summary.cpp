#include <nlohmann/json.hpp>
#include <utility>

#include "graph/structure.h"

namespace heartbeat {
namespace {

struct Count {
  const char* key;
  int ReadSummary::*value;
  const char* meaning;
};

constexpr Count kCounts[] = {
    {"models_dropped", &ReadSummary::models_dropped, "models after the first, dropped"},
    {"hydrogens", &ReadSummary::hydrogens, "H and D atoms, dropped"},
    {"waters", &ReadSummary::waters, "waters, dropped"},
    {"altloc_atoms", &ReadSummary::altloc_atoms, "atoms of other conformations, dropped"},
    {"duplicate_atoms", &ReadSummary::duplicate_atoms, "atoms given twice or without coordinates, dropped"},
    {"zero_occupancy", &ReadSummary::zero_occupancy, "atoms of occupancy 0, dropped"},
    {"unfilled_occupancy", &ReadSummary::unfilled_occupancy, "atoms of chains whose every occupancy is 0, kept"},
    {"extra_atoms", &ReadSummary::extra_atoms, "atoms beyond the standard amino acid, dropped"},
    {"microheterogeneity", &ReadSummary::microheterogeneity, "residues that share a position, the first listed kept"},
    {"caps", &ReadSummary::caps, "caps at the ends of a sequence, dropped"},
    {"outside_sequence", &ReadSummary::outside_sequence, "residues that do not fit the sequence, dropped"},
    {"mismatches", &ReadSummary::mismatches, "residues whose name differs from the sequence"},
    {"missing_residues", &ReadSummary::missing_residues, "positions without atoms, masked"},
    {"listed_missing", &ReadSummary::listed_missing, "residues the file lists as unobserved"},
    {"partial_residues", &ReadSummary::partial_residues, "residues with missing atoms, masked where it matters"},
    {"gap_positions", &ReadSummary::gap_positions, "X positions inserted at gaps of numbering and distance"},
    {"numbering_gaps", &ReadSummary::numbering_gaps, "gaps in the numbering alone, nothing inserted"},
    {"distance_gaps", &ReadSummary::distance_gaps, "gaps of C-alpha distance alone, nothing inserted"},
};

constexpr std::pair<const char*, std::map<std::string, int> ReadSummary::*> kNamed[] = {
    {"modified", &ReadSummary::modified},
    {"unknown", &ReadSummary::unknown},
    {"ligands", &ReadSummary::ligands},
};

}  // namespace

std::string ReadSummary::json() const {
  nlohmann::json object = {{"sequence_source", sequence_source}, {"notes", notes}};
  for (const Count& count : kCounts) object[count.key] = this->*count.value;
  for (const auto& [key, names] : kNamed) object[key] = this->*names;
  // Names in a file may be any bytes; a summary must not fail over them.
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ReadSummary::text() const {
  std::string lines = "sequence from " + (sequence_source.empty() ? "nowhere" : sequence_source) + "\n";
  for (const Count& count : kCounts)
    if (this->*count.value) lines += std::to_string(this->*count.value) + " " + count.meaning + "\n";
  for (const auto& [key, names] : kNamed) {
    if ((this->*names).empty()) continue;
    lines += key + std::string(":");
    for (const auto& [name, count] : this->*names) lines += " " + name + " x" + std::to_string(count);
    lines += "\n";
  }
  for (const std::string& note : notes) lines += note + "\n";
  return lines;
}

}  // namespace heartbeat
