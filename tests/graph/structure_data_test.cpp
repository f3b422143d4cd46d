// The reader against every real file that is there: chain lengths of an independent count.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "graph/structure.h"
#include "tests/support/real_data.h"

namespace heartbeat {
namespace {

const std::filesystem::path kMonomers = real_data() / "structures/monomers";

StructureFile read_monomer(const std::string& id) {
  ReadOptions options;
  options.allow_atom_sequence = true;
  return read_structure((kMonomers / (id + ".pdb.gz")).string(), options);
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) out.push_back(field);
  return out;
}

// The index counts residues that have a C-alpha, whatever its occupancy; ours of occupancy 0 keep a name but no atoms.
int with_c_alpha(const StructureChain& chain) {
  return int(std::count_if(chain.residues.begin(), chain.residues.end(), [](const StructureResidue& residue) {
    return !residue.name.empty() && (residue.atoms.empty() || residue.find("CA"));
  }));
}

TEST(StructureData, ChainLengthsEqualTheIndex) {
  const auto index = kMonomers.parent_path() / "chain_index.tsv";
  HEARTBEAT_NEEDS(index);
  std::map<std::string, std::map<std::string, int>> expected;  // file, chain: residues with atoms
  std::ifstream stream(index);
  for (std::string line; std::getline(stream, line);)
    if (const auto f = fields(line); f[0] == "monomers") expected[f[1]][f[3] == " " ? "" : f[3]] = std::stoi(f[5]);
  ASSERT_GT(expected.size(), 1000u);

  std::size_t equal = 0;
  for (const auto& [id, chains] : expected) {
    const StructureFile file = read_monomer(id);
    std::map<std::string, int> found;
    for (const StructureChain& chain : file.chains) found[chain.name] = with_c_alpha(chain);
    int named = file.summary.modified.count("MSE>MET") ? -file.summary.modified.at("MSE>MET") : 0;
    for (const auto* names : {&file.summary.modified, &file.summary.unknown})
      for (const auto& [name, count] : *names) named += count;
    bool same = true;
    for (const auto& [name, length] : chains) {
      const int gap = found[name] - length;
      if (gap == 0) continue;
      same = false;
      // The index knows no modified residue but MSE, and counts a C-alpha of occupancy 0, or of a conformation that
      // was not chosen, beside other atoms that are kept.
      const bool explained = gap > 0 ? gap <= named : file.summary.zero_occupancy + file.summary.altloc_atoms > 0;
      EXPECT_TRUE(explained) << id << " chain " << name << ": " << found[name] << ", the index says " << length;
    }
    equal += same;
  }
  EXPECT_GE(double(equal), 0.98 * double(expected.size()));
}

}  // namespace
}  // namespace heartbeat
