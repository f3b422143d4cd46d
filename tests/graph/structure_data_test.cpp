// The reader against every real file that is there: chain lengths of an independent count.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "graph/contacts.h"
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

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// An independent labeller, written from the same rules, found these on the same chains.
TEST(ContactData, PositivesPerResidueOfTheTrainingChains) {
  const auto list = kMonomers.parent_path() / "splits/train.txt";
  HEARTBEAT_NEEDS(list);
  double positives[kChannels] = {}, residues = 0;
  for (const std::string& id : lines_of(list)) {
    const StructureFile file = read_monomer(id);
    const Protein protein = label_contacts(file.chains);
    for (const StructureChain& chain : file.chains) residues += double(chain.with_atoms());
    for (const ContactPair& pair : protein.contacts)
      for (int k = 0; k < kChannels; ++k) positives[k] += pair.channels >> k & 1;
  }
  const double expected[kChannels] = {2.99, 0.99, 0.63, 0.26, 0.039, 0.020, 0.24, 1.87};
  for (int k = 0; k < kChannels; ++k) {
    const double found = positives[k] / residues;
    RecordProperty(kChannelTable[k].name, std::to_string(found));
    EXPECT_NEAR(found, expected[k], 0.03 * expected[k]) << kChannelTable[k].name;
  }
}

// bm5: the partners of a complex lie in one frame, each as one merged chain. Counts by an independent labeller.
TEST(ContactData, ComplexesOfTheDockingBenchmark) {
  const auto index = kMonomers.parent_path() / "complex_index.tsv";
  HEARTBEAT_NEEDS(index);
  ReadOptions options;
  options.allow_atom_sequence = true;
  int complexes = 0, equal_contacts = 0;
  for (const std::string& line : lines_of(index)) {
    const auto f = fields(line);
    if (f[0].rfind("bm5_", 0) != 0) continue;
    const std::string stem = (kMonomers.parent_path() / "complexes" / f[0]).string();
    const StructureFile receptor = read_structure(stem + "_r_b.pdb.gz", options);
    const StructureFile ligand = read_structure(stem + "_l_b.pdb.gz", options);
    ASSERT_EQ(receptor.chains.size() + ligand.chains.size(), 2u) << f[0];
    // A C-alpha of occupancy 0 beside occupied atoms is absent here.
    EXPECT_NEAR(with_c_alpha(receptor.chains[0]), std::stoi(f[1]), receptor.summary.zero_occupancy ? 2 : 0) << f[0];
    EXPECT_NEAR(with_c_alpha(ligand.chains[0]), std::stoi(f[2]), ligand.summary.zero_occupancy ? 3 : 0) << f[0];
    const Protein complex = label_contacts({receptor.chains[0], ligand.chains[0]}, options);
    int contacts = 0;
    for (const ContactPair& pair : complex.contacts)
      contacts += complex.segment[pair.i] != complex.segment[pair.j] && (pair.channels & 1);
    ++complexes;
    equal_contacts += contacts == std::stoi(f[3]);
    // What differs are C-betas of occupancy 0 (absent here) and missing ones (virtual here).
    EXPECT_NEAR(contacts, std::stoi(f[3]), 0.15 * std::stoi(f[3])) << f[0];
  }
  ASSERT_GT(complexes, 200);
  EXPECT_GE(equal_contacts, 0.95 * complexes);
  RecordProperty("complexes", complexes);
  RecordProperty("equal_contacts", equal_contacts);
}

}  // namespace
}  // namespace heartbeat
