// Backbone hydrogen bonds against mkdssp, the reference implementation, on real chains.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "graph/contacts.h"
#include "tests/support/real_data.h"
#include "tests/support/scratch.h"

namespace heartbeat {
namespace {

// mkdssp refuses files without HEADER and CRYST1. Residues are numbered by their position, 1-based.
void write_pdb(const std::string& path, const StructureChain& chain) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fprintf(file, "%-10s%-40s%-12s%-14s\n", "HEADER", "TEST", "01-JAN-00", "1XXX");
  std::fprintf(file, "%-80s\n", "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1           1");
  int serial = 0;
  for (long i = 0; i < chain.length(); ++i)
    for (const StructureAtom& atom : chain.residues[i].atoms)
      std::fprintf(file, "ATOM  %5d  %-4s%3s A%4ld    %8.3f%8.3f%8.3f  1.00  0.00           %c  \n", ++serial,
                   atom.name.c_str(), chain.residues[i].parent.c_str(), i + 1, atom.xyz[0], atom.xyz[1], atom.xyz[2],
                   atom.name[0]);
  std::fprintf(file, "TER\nEND\n");
  std::fclose(file);
}

struct Printed {
  std::map<std::pair<int, int>, double> bonds;  // donor, acceptor: energy with one decimal
  std::set<int> after_break;
};

Printed read_dssp(const std::string& path) {
  std::ifstream stream(path);
  std::vector<std::string> rows;
  bool table = false;
  for (std::string line; std::getline(stream, line);) {
    if (table) rows.push_back(line);
    table |= line.rfind("  #  RESIDUE", 0) == 0;
  }
  Printed printed;
  std::map<int, int> position;  // dssp's own number, which counts breaks too
  bool broken = false;
  for (const std::string& row : rows) {
    if (row[13] == '!') {
      broken = true;
      continue;
    }
    position[std::stoi(row.substr(0, 5))] = std::stoi(row.substr(5, 5)) - 1;
    if (broken) printed.after_break.insert(std::stoi(row.substr(5, 5)) - 1);
    broken = false;
  }
  for (const std::string& row : rows) {
    if (row[13] == '!') continue;
    for (const int column : {39, 61}) {  // N-H-->O, best and second
      const int offset = std::stoi(row.substr(column, 6));
      const double energy = std::stod(row.substr(column + 7, 4));
      const int number = std::stoi(row.substr(0, 5));
      if (offset != 0 && energy <= -0.5) printed.bonds[{position.at(number), position.at(number + offset)}] = energy;
    }
  }
  return printed;
}

TEST(Mkdssp, AgreesOnTwentyChains) {
  const auto list = real_data() / "structures/splits/valid.txt";
  HEARTBEAT_NEEDS(list);
  if (std::system("mkdssp --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "mkdssp is not installed (package dssp)";
  const testing::Scratch scratch;
  const std::string pdb = scratch.file("chain.pdb"), dssp = scratch.file("chain.dssp");
  ReadOptions options;
  options.allow_atom_sequence = true;
  std::ifstream stream(list);
  int chains = 0, ours = 0, common = 0, only_theirs = 0;
  for (std::string id; chains < 20 && std::getline(stream, id);) {
    const auto file = read_structure((real_data() / "structures/monomers" / (id + ".pdb.gz")).string(), options);
    write_pdb(pdb, file.chains[0]);
    ASSERT_EQ(std::system(("mkdssp --output-format=dssp " + pdb + " " + dssp + " > /dev/null 2>&1").c_str()), 0) << id;
    const Printed printed = read_dssp(dssp);
    ASSERT_FALSE(printed.bonds.empty()) << id;
    std::set<std::pair<int, int>> found;
    for (const BackboneHydrogenBond& bond : backbone_hydrogen_bonds({file.chains[0]})) {
      found.insert({bond.donor, bond.acceptor});
      const auto same = printed.bonds.find({bond.donor, bond.acceptor});
      ASSERT_NE(same, printed.bonds.end())
          << id << ": only ours " << bond.donor << " " << bond.acceptor << " " << bond.energy;
      EXPECT_NEAR(bond.energy, same->second, 0.0505) << id;
      ++common;
    }
    for (const auto& [pair, energy] : printed.bonds)
      if (!found.count(pair)) {
        ++only_theirs;
        EXPECT_TRUE(energy == -0.5 || printed.after_break.count(pair.first))
            << id << ": only mkdssp " << pair.first << " " << pair.second << " " << energy;
      }
    ours += int(found.size());
    ++chains;
  }
  EXPECT_EQ(chains, 20);
  EXPECT_EQ(ours, common);
  RecordProperty("bonds", ours);
  RecordProperty("only_mkdssp", only_theirs);
  std::cout << ours << " bonds, " << only_theirs << " only in mkdssp\n";
}

}  // namespace
}  // namespace heartbeat
