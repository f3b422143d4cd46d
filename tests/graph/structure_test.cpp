#include "graph/structure.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>

#include "graph/contacts.h"
#include "kernels/common/error.h"
#include "tests/support/scratch.h"

namespace heartbeat {
namespace {

class Structure : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(scratch_.file(name)) << text;
    return scratch_.file(name);
  }
  StructureFile read(const std::string& text, bool allow = true, const std::string& name = "test.pdb") {
    ReadOptions options;
    options.allow_atom_sequence = allow;
    return read_structure(write(name, text), options);
  }
  // The sentence of the UserError.
  std::string refusal(const std::string& path, bool allow = true) {
    ReadOptions options;
    options.allow_atom_sequence = allow;
    try {
      read_structure(path, options);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  testing::Scratch scratch_;
};

std::string letters(const StructureChain& chain) {
  std::string out;
  for (const std::uint8_t token : chain.sequence) out += kAlphabet[token];
  return out;
}

struct AtomLine {
  std::string name, residue;
  int number = 1;
  double x = 0;
  double occupancy = 1;
  char altloc = ' ', insertion = ' ', chain = 'A';
  bool het = false;
};

constexpr std::size_t kLine = 79;  // characters of a line, with its end

std::string line(const AtomLine& a, double y = 0) {
  char text[100];
  std::snprintf(text, sizeof text, "%-6s%5d %-4s%c%3s %c%4d%c   %8.3f%8.3f%8.3f%6.2f%6.2f          %2s\n",
                a.het ? "HETATM" : "ATOM", 1, (a.name.size() < 4 ? " " + a.name : a.name).c_str(), a.altloc,
                a.residue.c_str(), a.chain, a.number, a.insertion, a.x, y, 0.0, a.occupancy, 20.0,
                a.name.substr(0, a.name == "SE" ? 2 : 1).c_str());
  return text;
}

// Backbone and C-beta of a residue at C-alpha position 3.8 i, bonded to its neighbours at i - 1 and i + 1.
std::string residue(const std::string& name, int number, double place, AtomLine like = {}) {
  std::string text;
  like.residue = name;
  like.number = number;
  const std::pair<const char*, double> atoms[] = {{"N", -1.2}, {"CA", 0}, {"C", 1.2}, {"O", 1.4}, {"CB", 0.2}};
  for (const auto& [atom, offset] : atoms) {
    if (name == "GLY" && std::string(atom) == "CB") continue;
    like.name = atom;
    like.x = 3.8 * place + offset;
    text += line(like, atom[0] == 'O' ? 1 : atom[1] == 'B' ? -1.5 : 0);
  }
  return text;
}

std::string het(const std::string& name, int number, double place) {
  AtomLine like;
  like.het = true;
  return residue(name, number, place, like);
}

const char* const kSeqres = "SEQRES   1 A    5  ALA GLY SER MSE LYS\n";

TEST_F(Structure, TheSequenceIsSeqresAndNotTheAtoms) {
  const StructureFile file =
      read(kSeqres + residue("ALA", 7, 0) + residue("SER", 9, 2) + het("MSE", 10, 3) + "TER\n", false);
  ASSERT_EQ(file.chains.size(), 1u);
  const StructureChain& chain = file.chains[0];
  EXPECT_EQ(letters(chain), "AGSMK");
  EXPECT_EQ(chain.with_atoms(), 3);
  EXPECT_TRUE(chain.residues[1].atoms.empty());
  EXPECT_EQ(chain.residues[3].name, "MSE");
  EXPECT_EQ(chain.residues[3].parent, "MET");
  EXPECT_FALSE(chain.sequence_from_atoms);
  EXPECT_EQ(file.summary.missing_residues, 2);
  EXPECT_EQ(file.summary.modified.at("MSE>MET"), 1);
  EXPECT_EQ(file.summary.sequence_source, "SEQRES");
  EXPECT_TRUE(std::isnan(file.resolution));
}

TEST_F(Structure, WithoutSeqresTheAtomsMustBeAllowed) {
  const std::string text = residue("ALA", 1, 0) + residue("SER", 2, 1);
  EXPECT_NE(refusal(write("a.pdb", text), false).find("--allow-atom-sequence"), std::string::npos);
  EXPECT_EQ(letters(read(text).chains[0]), "AS");
}

TEST_F(Structure, GapsNeedBothNumberingAndDistance) {
  const std::string before = residue("ALA", 1, 0) + residue("SER", 2, 1);
  const StructureFile both = read(before + residue("LYS", 5, 4));
  EXPECT_EQ(letters(both.chains[0]), "ASXXK");
  EXPECT_EQ(both.summary.gap_positions, 2);
  EXPECT_EQ(label_contacts(both.chains).observed[2], 0);
  const StructureFile numbering = read(before + residue("LYS", 5, 2));
  EXPECT_EQ(letters(numbering.chains[0]), "ASK");
  EXPECT_EQ(numbering.summary.numbering_gaps, 1);
  const StructureFile distance = read(before + residue("LYS", 3, 4));
  EXPECT_EQ(letters(distance.chains[0]), "ASK");
  EXPECT_EQ(distance.summary.distance_gaps, 1);
  EXPECT_EQ(letters(read(before + residue("LYS", 2000, 6)).chains[0]), "ASK") << "a jump that no gap explains";
}

TEST_F(Structure, InsertionCodesAreResiduesOfTheirOwn) {
  AtomLine inserted;
  inserted.insertion = 'A';
  const StructureFile file = read(residue("ALA", 5, 0) + residue("SER", 5, 1, inserted) + residue("LYS", 6, 2));
  EXPECT_EQ(letters(file.chains[0]), "ASK");
  EXPECT_EQ(file.chains[0].residues[1].insertion, 'A');
}

TEST_F(Structure, AnOccupancyColumnThatNobodyFilledInIsNoReasonToMaskAChain) {
  AtomLine nobody;
  nobody.occupancy = 0;
  const StructureFile file = read(residue("ALA", 1, 0, nobody) + residue("SER", 2, 1, nobody));
  EXPECT_EQ(file.chains[0].observed(), 2);
  EXPECT_EQ(file.summary.zero_occupancy, 0);
  EXPECT_EQ(file.summary.unfilled_occupancy, 10);
}

TEST_F(Structure, TheConformationWithTheHighestOccupancyAndNeverAMix) {
  const auto with = [](double a, double b) {
    std::string text = residue("ALA", 1, 0);
    AtomLine like;
    for (const auto& [letter, occupancy] : {std::pair('A', a), std::pair('B', b)})
      for (const char* name : {"N", "CA", "C", "O"}) {
        like.altloc = letter;
        like.occupancy = occupancy;
        like.name = name;
        like.residue = "GLY";
        like.number = 2;
        like.x = 3.8 + (name[0] == 'N' ? -1.2 : name[0] == 'O' ? 1.4 : name[1] == 'A' ? 0 : 1.2);
        text += line(like, letter == 'A' ? 0 : 0.3);
      }
    return text;
  };
  const StructureFile second = read(with(0.4, 0.6)), tie = read(with(0.5, 0.5));
  ASSERT_EQ(second.chains[0].residues[1].atoms.size(), 4u);
  for (int a = 0; a < 4; ++a) {
    EXPECT_EQ(second.chains[0].residues[1].atoms[a].xyz[1], 0.3);
    EXPECT_EQ(tie.chains[0].residues[1].atoms[a].xyz[1], 0);
  }
  EXPECT_EQ(second.summary.altloc_atoms, 4);
}

TEST_F(Structure, MicroheterogeneityKeepsTheFirstListed) {
  AtomLine a, b;
  a.altloc = 'A', b.altloc = 'B';
  a.occupancy = 0.3, b.occupancy = 0.7;
  const StructureFile file = read(residue("ALA", 1, 0) + residue("SER", 2, 1, a) + residue("GLY", 2, 1, b));
  EXPECT_EQ(letters(file.chains[0]), "AS");
  EXPECT_EQ(file.chains[0].residues[1].atoms.size(), 5u);
  EXPECT_EQ(file.summary.microheterogeneity, 1);
}

TEST_F(Structure, LigandsDoNotEndAChain) {
  const std::string ligand = het("PO4", 900, 30);
  const StructureFile file =
      read(ligand + residue("ALA", 1, 0) + residue("SER", 2, 1) + ligand.substr(0, kLine) + het("MSE", 3, 2) +
           het("PHE", 800, 50) + het("TYR", 801, 51) + line({"O", "HOH", 950, 9, 1, ' ', ' ', 'A', true}));
  EXPECT_EQ(letters(file.chains[0]), "ASM");
  EXPECT_EQ(file.summary.waters, 1);
  EXPECT_EQ(file.summary.ligands.at("PHE"), 1) << "a dipeptide ligand is bonded, but to no ATOM residue";
  EXPECT_EQ(file.summary.ligands.at("TYR"), 1);
}

TEST_F(Structure, CapsAreNoResidues) {
  const std::string cap =
      line({"C", "ACE", 0, -2.6, 1, ' ', ' ', 'A', true}) + line({"O", "ACE", 0, -2.8, 1, ' ', ' ', 'A', true}, 1);
  const StructureFile atoms = read(cap + residue("ALA", 1, 0) + residue("SER", 2, 1));
  EXPECT_EQ(letters(atoms.chains[0]), "AS");
  const StructureFile seqres =
      read("SEQRES   1 A    4  ACE ALA SER NH2\n" + cap + residue("ALA", 1, 0) + residue("SER", 2, 1), false);
  EXPECT_EQ(letters(seqres.chains[0]), "AS");
  EXPECT_EQ(seqres.chains[0].with_atoms(), 2);
  EXPECT_EQ(seqres.summary.caps, 2);
}

TEST_F(Structure, WhatIsDroppedIsCounted) {
  AtomLine absent;
  absent.occupancy = 0;
  const StructureFile file =
      read("MODEL        1\n" + residue("ALA", 1, 0) + residue("SER", 2, 1, absent) + line({"H", "LYS", 3, 7}) +
           residue("LYS", 3, 2) + residue("UNK", 4, 3) + residue("ALA", 5, 4).substr(0, kLine) +
           "ENDMDL\nMODEL        2\n" + residue("ALA", 1, 0) + "ENDMDL\n");
  EXPECT_EQ(letters(file.chains[0]), "ASKXA");
  EXPECT_EQ(file.summary.models_dropped, 1);
  EXPECT_EQ(file.summary.zero_occupancy, 5);
  EXPECT_EQ(file.summary.hydrogens, 1);
  EXPECT_EQ(file.summary.unknown.at("UNK"), 1);
  EXPECT_EQ(file.summary.partial_residues, 3) << "the SER, the LYS and the last ALA";
  EXPECT_EQ(file.chains[0].observed(), 3);
  EXPECT_NE(file.summary.text().find("5 atoms of occupancy 0"), std::string::npos) << file.summary.text();
  EXPECT_NE(file.summary.json().find("\"zero_occupancy\":5"), std::string::npos) << file.summary.json();
}

TEST_F(Structure, ModresNamesTheParent) {
  const StructureFile file = read("MODRES 1XXX ZZZ A    2  SER  SOMETHING\n" + residue("ALA", 1, 0) + het("ZZZ", 2, 1) +
                                  residue("SEC", 3, 2) + residue("PYL", 4, 3));
  EXPECT_EQ(letters(file.chains[0]), "ASCK");
}

TEST_F(Structure, SsbondAndLinkArePairsOfResidues) {
  const StructureFile file = read(
      "SSBOND   1 CYS A    1    CYS A    3                          1555   1555  2.03\n"
      "LINK         NZ  LYS A   2                 CG  ASN A   4     1555   1555  1.40\n"
      "LINK         NZ  LYS A   2                 CG  ASN A   1     1555   2555  1.40\n" +
      residue("CYS", 1, 0) + residue("LYS", 2, 1) + residue("CYS", 3, 2) + residue("ASN", 4, 3));
  const auto& links = file.chains[0].links;
  ASSERT_EQ(links.size(), 4u) << "both ends of two; the third is to a symmetry copy";
  EXPECT_EQ(links[0].residue, 0);
  EXPECT_EQ(links[0].partner_residue, 2);
}

TEST_F(Structure, RefusalsAreSentencesWithTheFile) {
  EXPECT_NE(refusal(scratch_.file("none.pdb")).find("none.pdb: cannot be opened"), std::string::npos);
  EXPECT_NE(refusal(write("empty.pdb", "")).find("is empty"), std::string::npos);
  EXPECT_NE(refusal(write("prose.pdb", "Once upon a time\n")).find("holds no atoms"), std::string::npos);
  EXPECT_NE(refusal(write("broken.cif", "data_x\n_a 'open\n")).find("neither a PDB nor an mmCIF"), std::string::npos);
  EXPECT_NE(refusal(write("dna.pdb", line({"P", "DA", 1}))).find("no protein chain"), std::string::npos);
  EXPECT_NE(refusal(write("one.pdb", residue("ALA", 1, 0))).find("single residue"), std::string::npos);
  const std::string trace = line({"CA", "ALA", 1, 0}) + line({"CA", "ALA", 2, 3.8});
  EXPECT_NE(refusal(write("trace.pdb", trace)).find("C-alpha atoms only"), std::string::npos);
  EXPECT_NE(refusal(write("other.pdb", "SEQRES   1 A    3  TRP TRP TRP\n" + residue("ALA", 1, 0) +
                                           residue("SER", 2, 1) + residue("LYS", 3, 2) + residue("GLY", 4, 3) +
                                           residue("VAL", 5, 4) + residue("VAL", 6, 5)))
                .find("do not fit its SEQRES"),
            std::string::npos);
  EXPECT_NE(refusal(scratch_.path()).find("cannot be"), std::string::npos) << "a folder";
}

TEST_F(Structure, CompressedFilesMustBeWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += residue("ALA", i + 1, i);
  const std::string path = scratch_.file("chain.pdb.gz");
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), unsigned(text.size()));
  gzclose(file);
  ReadOptions options;
  options.allow_atom_sequence = true;
  EXPECT_EQ(read_structure(path, options).chains[0].length(), 300);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 20);
  EXPECT_NE(refusal(path).find("truncated"), std::string::npos);
}

// Columns in an unusual order, a quoted atom name, a text block, a gap in the atoms, two monomers for one position
// with the second listed first among the atoms, and a modified residue that only the file knows.
const char* const kCif = R"(data_TEST
_entry.id TEST
_struct.title
;A title
over lines
;
_exptl.entry_id TEST
_exptl.method 'X-RAY DIFFRACTION'
_refine.pdbx_refine_id 'X-RAY DIFFRACTION'
_refine.ls_d_res_high 1.75
loop_
_entity.id
_entity.type
1 polymer
2 non-polymer
loop_
_entity_poly.entity_id
_entity_poly.type
1 'polypeptide(L)'
loop_
_entity_poly_seq.num
_entity_poly_seq.entity_id
_entity_poly_seq.mon_id
1 1 ALA
2 1 SER
2 1 GLY
3 1 LYS
4 1 ZZZ
loop_
_struct_asym.id
_struct_asym.entity_id
A 1
B 2
loop_
_chem_comp.id
_chem_comp.mon_nstd_parent_comp_id
ALA ?
ZZZ THR
loop_
_atom_site.Cartn_z
_atom_site.Cartn_y
_atom_site.Cartn_x
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
0 0 0.0 ATOM 1 N N . ALA A 1 1 ? 1.0 9 107 H 1
0 0 1.2 ATOM 2 C CA . ALA A 1 1 ? 1.0 9 107 H 1
0 0 2.4 ATOM 3 C C . ALA A 1 1 ? 1.0 9 107 H 1
0 1 2.6 ATOM 4 O O . ALA A 1 1 ? 1.0 9 107 H 1
0 0 3.8 ATOM 5 C CA B GLY A 1 2 ? 0.7 9 108 H 1
0 0 3.9 ATOM 6 C CA A SER A 1 2 ? 0.3 9 108 H 1
0 0 8.8 HETATM 7 N N . ZZZ A 1 4 A 1.0 9 108 H 1
0 0 9.9 HETATM 8 C CA . ZZZ A 1 4 A 1.0 9 108 H 1
0 0 30 HETATM 9 O "O5'" . ATP B 2 . ? 1.0 9 500 H 1
)";

TEST_F(Structure, MmcifIsIndexedByItsOwnSequence) {
  const StructureFile file = read(kCif, false, "test.cif");
  EXPECT_EQ(file.format, "mmCIF");
  EXPECT_EQ(file.method, "X-RAY DIFFRACTION");
  EXPECT_DOUBLE_EQ(file.resolution, 1.75);
  ASSERT_EQ(file.chains.size(), 1u);
  const StructureChain& chain = file.chains[0];
  EXPECT_EQ(chain.name, "H");
  EXPECT_EQ(letters(chain), "ASKT");
  EXPECT_EQ(chain.residues[0].find("C")->xyz[0], 2.4);
  EXPECT_EQ(chain.residues[1].name, "SER");
  EXPECT_EQ(chain.residues[1].atoms[0].xyz[0], 3.9);
  EXPECT_TRUE(chain.residues[2].atoms.empty());
  EXPECT_EQ(chain.residues[3].parent, "THR");
  EXPECT_EQ(file.summary.ligands.at("ATP"), 1);
  EXPECT_EQ(file.summary.microheterogeneity, 1);
  EXPECT_EQ(file.summary.sequence_source, "_entity_poly_seq");
}

}  // namespace
}  // namespace heartbeat
