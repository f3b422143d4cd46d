#include <gtest/gtest.h>
#include <sys/mount.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "graph/dataset.h"
#include "graph/sqlite.h"
#include "graph/synthetic.h"
#include "tests/support/command.h"
#include "tests/support/real_data.h"
#include "tools/data/prepare.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string name(long n) {
  return std::string("p").append(std::to_string(100 + n));
}

// A folder with synthetic structures.
struct Folder {
  explicit Folder(long count = 5) {
    fs::create_directory(structures);
    for (long n = 0; n < count; ++n) write(structures + "/" + name(n) + ".cif", mmcif_of(make_protein(name(n), 60, 1)));
  }
  Outcome prepare(const std::string& more = "") const {
    return run_command("prepare_contacts --quiet --structures " + structures + " --out " + db + " " + more);
  }
  Scratch scratch;
  std::string structures = scratch.file("structures"), db = scratch.file("contacts.db");
};

void expect_mistake(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "not one line: " << outcome.err;
  EXPECT_EQ(outcome.err.find("prepare_contacts: "), 0u) << outcome.err;
}

void expect_equal(const std::vector<Protein>& a, const std::vector<Protein>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t n = 0; n < a.size(); ++n) {
    EXPECT_EQ(a[n].id, b[n].id);
    EXPECT_EQ(a[n].split, b[n].split);
    EXPECT_EQ(a[n].sequence, b[n].sequence);
    EXPECT_EQ(a[n].observed, b[n].observed);
    EXPECT_EQ(a[n].contacts, b[n].contacts);
    EXPECT_EQ(a[n].meta, b[n].meta);
  }
}

TEST(PrepareContacts, SyntheticProteinsPassThroughTheReader) {
  const Folder folder(12);
  const Outcome outcome = folder.prepare();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("12 structures gave 12 examples"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("split is random"), std::string::npos);
  const auto proteins = read_dataset(folder.db);
  ASSERT_EQ(proteins.size(), 12u);
  long bonds = 0, tags = 0;
  for (long n = 0; n < 12; ++n) {
    const SyntheticProtein made = make_protein(name(n), 60, 1);
    const Protein& read = proteins[n];
    ASSERT_EQ(read.length(), 60);
    for (long r = 0; r < 60; ++r) {
      EXPECT_EQ(read.sequence[r], made.residues[r].token);
      EXPECT_TRUE(read.observed[r] == 0 || !made.residues[r].atoms.empty());
      tags += made.residues[r].atoms.empty();
    }
    for (const ContactPair& pair : read.contacts) bonds += pair.channels >> 2 & 1;
  }
  EXPECT_GT(tags, 0);
  EXPECT_GT(bonds, 12 * 20);
}

TEST(PrepareContacts, ThreadsAndInterruptionsDoNotShow) {
  const Folder folder(40);
  ASSERT_EQ(folder.prepare("--threads 1").code, 0);
  const auto straight = read_dataset(folder.db);
  fs::remove(folder.db);
  ASSERT_EQ(folder.prepare("--threads 5").code, 0);
  expect_equal(straight, read_dataset(folder.db));

  fs::remove(folder.db);
  // The signal comes after the first commit, when there is much left to do.
  const std::string big = mmcif_of(make_protein("zz", 300, 1));
  for (int n = 0; n < 200; ++n) write(folder.structures + "/zz" + std::to_string(n) + ".cif", big);
  const std::string command = "prepare_contacts --quiet --threads 2 --structures " + folder.structures + " --out ";
  const std::string wait_and_kill =
      "& pid=$!; while [ ! -s " + folder.db + " ]; do sleep 0.02; done; kill -INT $pid; wait $pid";
  const Outcome stopped = run_command(command + folder.db, wait_and_kill);
  ASSERT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_NE(stopped.err.find("structures, all saved; run the same command again to continue"), std::string::npos)
      << stopped.err;
  ASSERT_EQ(run_command(command + folder.db).code, 0);
  ASSERT_EQ(run_command(command + folder.scratch.file("straight.db")).code, 0);
  expect_equal(read_dataset(folder.db), read_dataset(folder.scratch.file("straight.db")));
  const Outcome again = run_command(command + folder.db);
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("is up to date"), std::string::npos);
}

TEST(PrepareContacts, OneBadFileIsToldAndStopsNobody) {
  const Folder folder;
  const std::string text = mmcif_of(make_protein("x", 60, 1));
  const std::string zipped = folder.structures + "/cut.cif.gz";
  const gzFile file = gzopen(zipped.c_str(), "wb");
  gzwrite(file, text.data(), unsigned(text.size()));
  gzclose(file);
  const std::string whole = read_text(zipped);
  write(zipped, whole.substr(0, whole.size() / 2));
  write(folder.structures + "/empty.pdb", "");
  write(folder.structures + "/notes.txt", "not a structure");
  const Outcome outcome = folder.prepare();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("7 structures gave 5 examples"), std::string::npos) << outcome.out;
  EXPECT_EQ(read_dataset_dropped(folder.db).size(), 2u);
  EXPECT_EQ(read_dataset_dropped(folder.db)[0].rule, "unreadable");
  // The file is mended: only it is read again.
  write(zipped, whole);
  EXPECT_NE(folder.prepare().out.find("7 structures gave 6 examples"), std::string::npos);
  EXPECT_EQ(read_dataset_dropped(folder.db).size(), 1u);
}

TEST(PrepareContacts, FoldersAndFlagsThatCannotWorkGetOneSentence) {
  const Folder folder;
  expect_mistake(run_command("prepare_contacts --structures /no/such --out " + folder.db),
                 "there is no folder /no/such");
  const std::string empty = folder.scratch.file("empty");
  fs::create_directory(empty);
  expect_mistake(run_command("prepare_contacts --structures " + empty + " --out " + folder.db),
                 "holds no structure file");
  expect_mistake(run_command("prepare_contacts --pairs --structures " + folder.structures + " --out " + folder.db),
                 "holds no complex");
  expect_mistake(folder.prepare("--colour"), "--colour");
  expect_mistake(folder.prepare("--min-length 100 --max-length 50"), "--min-length 100 is above --max-length 50");
  expect_mistake(folder.prepare("--min-length ten"), "--min-length");
  expect_mistake(folder.prepare("--split-dir " + empty), "holds no split list");
  expect_mistake(folder.prepare("--split-dir /no/such"), "there is no folder /no/such");
  expect_mistake(run_command("prepare_contacts --structures " + folder.structures),
                 "--structures and --out are needed");
  expect_mistake(run_command("prepare_contacts --structures " + folder.structures + " --out /no/such/contacts.db"),
                 "cannot open /no/such/contacts.db for writing");
  expect_mistake(run_command("prepare_contacts --structures " + folder.structures + " --out " + empty),
                 "it is a folder");
  expect_mistake(run_command("prepare_contacts --inspect /no/such.pdb"), "/no/such.pdb: cannot be opened");
  write(folder.structures + "/p100.pdb", "");
  expect_mistake(folder.prepare(), "two files give the name p100");
  EXPECT_FALSE(fs::exists(folder.db));
}

TEST(PrepareContacts, NothingUsableGetsOneSentence) {
  const Scratch scratch;
  const auto prepare = [&](const std::string& content) {
    fs::remove_all(scratch.file("s"));
    fs::create_directory(scratch.file("s"));
    write(scratch.file("s/x.pdb"), content);
    return run_command("prepare_contacts --quiet --allow-atom-sequence --min-length 1 --structures " +
                       scratch.file("s") + " --out " + scratch.file("x.db"));
  };
  std::string trace, one;
  for (int n = 1; n <= 60; ++n) {
    char line[100];
    std::snprintf(line, sizeof line, "ATOM  %5d  CA  ALA A%4d    %8.3f%8.3f%8.3f  1.00  0.00           C\n", n, n,
                  3.8 * n, 0., 0.);
    trace += line;
  }
  for (const char* atom : {"N", "CA", "C", "O"}) {
    char line[100];
    std::snprintf(line, sizeof line, "ATOM  %5d  %-3s ALA A   1    %8.3f%8.3f%8.3f  1.00  0.00           %c\n", 1, atom,
                  1.4 * double(one.size() / 80), 0., 0., atom[0]);
    one += line;
  }
  expect_mistake(prepare(trace), "none of the 1 structures gave an example; the first, x: unreadable, ");
  expect_mistake(prepare(one), "none of the 1 structures gave an example; the first, x: ");
  expect_mistake(prepare("this is no structure\n"), "none of the 1 structures gave an example");
  EXPECT_FALSE(fs::exists(scratch.file("x.db")));  // so that other options may be tried
}

TEST(PrepareContacts, OtherOptionsOtherFormatsAndStrangersAreRefused) {
  const Folder folder;
  ASSERT_EQ(folder.prepare().code, 0);
  expect_mistake(folder.prepare("--max-length 59"), "was made with other options or rules");
  fs::remove(folder.structures + "/p103.cif");
  expect_mistake(folder.prepare(), "holds p103 that");
  EXPECT_EQ(read_dataset(folder.db).size(), 5u);
  write(folder.db,
        "this is a text of more than a hundred letters, and no database at all, however long one looks at it");
  expect_mistake(folder.prepare(), "no heartbeat data set");
  EXPECT_EQ(read_text(folder.db).substr(0, 14), "this is a text");
}

TEST(PrepareContacts, SplitListsDecideAndLossesAreNamed) {
  const Folder folder(6);
  const std::string lists = folder.scratch.file("lists");
  fs::create_directory(lists);
  write(lists + "/train.txt", "p100\np101\nabsent\n");
  write(lists + "/valid.txt", "p102\n");
  write(lists + "/test_a.txt", "p103\n\n");
  write(lists + "/test_b.txt", "short\n");
  write(lists + "/other.txt", "p104\n");
  write(folder.structures + "/short.cif", mmcif_of(make_protein("short", 30, 1)));
  const Outcome outcome = folder.prepare("--split-dir " + lists);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_dataset(folder.db, "train").size(), 2u);
  EXPECT_EQ(read_dataset(folder.db, "validation").size(), 1u);
  EXPECT_EQ(read_dataset(folder.db, "test").size(), 2u);  // what is listed was chosen, however short
  EXPECT_EQ(read_dataset(folder.db).size(), 7u);
  for (const char* part :
       {"other.txt names no split", "1 ids of the split lists have no structure file, for example absent",
        "2 examples are in no list"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
  expect_mistake(folder.prepare("--filter-listed --split-dir " + lists), "was made with other options");
  fs::remove(folder.db);
  const Outcome filtered = folder.prepare("--filter-listed --split-dir " + lists);
  EXPECT_EQ(read_dataset(folder.db, "test").size(), 1u);
  for (const char* part : {"1 of these are named in the split lists", "30 residues, fewer than 40"})
    EXPECT_NE(filtered.out.find(part), std::string::npos) << part << "\n" << filtered.out;
  write(lists + "/test_b.txt", "p100\n");
  expect_mistake(folder.prepare("--split-dir " + lists), "p100 is listed for test and for train");
}

// A straight chain of alanines; the reader asks for no more.
std::string pdb_chain(char chain, int length) {
  std::string text;
  for (int r = 1; r <= length; ++r)
    for (const char* atom : {"N", "CA", "C", "O", "CB"}) {
      char line[100];
      std::snprintf(line, sizeof line, "ATOM  %5d  %-3s ALA %c%4d    %8.3f%8.3f%8.3f  1.00  0.00           %c\n", r,
                    atom, chain, r, 3.8 * (r % 200) + 0.5 * atom[0] / 67, atom[1] ? 1.5 : 0.2, 8. * (r / 200), atom[0]);
      text += line;
    }
  return text + "TER\n";
}

TEST(PrepareContacts, AListedFileOfSeveralChainsMeansOne) {
  const Folder folder(0);
  const std::string lists = folder.scratch.file("lists");
  fs::create_directory(lists);
  write(lists + "/train.txt", "1abc_B\nlongest\nnamed:A\nhuge\n");
  write(folder.structures + "/1abc_B.pdb", pdb_chain('A', 50) + pdb_chain('B', 45));
  write(folder.structures + "/longest.pdb", pdb_chain('A', 45) + pdb_chain('B', 50) + pdb_chain('C', 50));
  write(folder.structures + "/named.pdb", pdb_chain('A', 45) + pdb_chain('B', 50));
  write(folder.structures + "/huge.pdb", pdb_chain('A', kLongestExample + 1));
  const Outcome outcome = folder.prepare("--allow-atom-sequence --split-dir " + lists);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::string found;
  for (const Protein& p : read_dataset(folder.db)) found += p.id + " " + std::to_string(p.length()) + p.split + "\n";
  EXPECT_EQ(found, "1abc_B 45train\nlongest 50train\nnamed:A 45train\nnamed:B 50\n");
  std::string left_out;
  for (const Dropped& d : read_dataset_dropped(folder.db)) left_out += d.id + ": " + d.detail + "\n";
  EXPECT_EQ(left_out,
            "1abc_B:A: 1abc_B means chain B\n"
            "huge: 4097 residues; 4096 is the most that a map may have, cut it to domains\n"
            "longest:A: longest means chain B\nlongest:C: longest means chain B\n");
  EXPECT_NE(outcome.out.find("1 of these are named in the split lists"), std::string::npos) << outcome.out;
}

TEST(PrepareContacts, SeveralChainsOfAPartnerBecomeOne) {
  const Folder folder(0);
  write(folder.structures + "/x_r_b.pdb", pdb_chain('H', 45) + pdb_chain('L', 50));
  write(folder.structures + "/x_l_b.pdb", pdb_chain('A', 60));
  const Outcome outcome = folder.prepare("--pairs --allow-atom-sequence");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto pairs = read_dataset(folder.db);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(std::count(pairs[0].segment.begin(), pairs[0].segment.end(), 0), 95);
  EXPECT_EQ(std::count(pairs[0].segment.begin(), pairs[0].segment.end(), 1), 60);
  EXPECT_NE(outcome.out.find("x_r_b.pdb: 2"), std::string::npos) << outcome.out;
}

TEST(PrepareContacts, ADataSetOfAnotherFormatIsRefused) {
  const Folder folder(1);
  ASSERT_EQ(folder.prepare().code, 0);
  sqlite::Database(folder.db, SQLITE_OPEN_READWRITE)
      .execute("UPDATE meta SET value = '7' WHERE key = 'format_version'");
  expect_mistake(folder.prepare(), "has data set format 7, but this program reads format 1");
}

TEST(PrepareContacts, AConfigFileGivesOptionsAndFlagsWin) {
  const Folder folder;
  const std::string config = folder.scratch.file("x.toml");
  write(config, "min-length = 100\nthreads = 1\n");
  expect_mistake(folder.prepare("--config " + config),
                 "none of the 5 structures gave an example; the first, p100: too short");
  EXPECT_EQ(folder.prepare("--config " + config + " --min-length 40").code, 0);
}

TEST(PrepareContacts, InspectTellsWhatAFileHolds) {
  const Folder folder(1);
  const Outcome outcome = run_command("prepare_contacts --inspect " + folder.structures + "/p100.cif");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("chain A: 60 residues"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("sequence from _entity_poly_seq"), std::string::npos) << outcome.out;
}

TEST(PrepareContacts, AFullDiskLosesNothingCommitted) {
  const Folder folder(200);
  const std::string small = folder.scratch.file("small");
  fs::create_directory(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=600k") != 0) GTEST_SKIP() << "mounting a small disk needs root";
  const std::string command =
      "prepare_contacts --quiet --structures " + folder.structures + " --out " + small + "/c.db";
  const Outcome full = run_command(command);
  const Outcome grown =
      mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=20m") == 0 ? run_command(command) : full;
  long sources = 0, chains = 0;
  if (grown.code == 0) {
    sources = long(read_dataset(small + "/c.db").size());
    chains = sources;
  }
  umount(small.c_str());
  expect_mistake(full, "the disk is full while");
  EXPECT_EQ(grown.code, 0) << grown.err;
  EXPECT_EQ(chains, 200);
}

TEST(PrepareContacts, RealComplexesBecomePairs) {
  const fs::path complexes = real_data() / "structures/complexes";
  HEARTBEAT_NEEDS(complexes);
  const Folder folder(0);
  for (const char* id : {"bm5_1ACB", "bm5_1AKJ"})
    for (const char* side : {"_r_b.pdb.gz", "_l_b.pdb.gz"})
      fs::copy_file(complexes / (std::string(id) + side), folder.structures + "/" + id + side);
  fs::copy_file(complexes / "bm5_1AHW_r_b.pdb.gz", folder.structures + "/bm5_1AHW_r_b.pdb.gz");
  const Outcome outcome = folder.prepare("--pairs --allow-atom-sequence");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto pairs = read_dataset(folder.db);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].id, "bm5_1ACB");
  EXPECT_EQ(pairs[0].segment.front(), 0);
  EXPECT_EQ(pairs[0].segment.back(), 1);
  EXPECT_GT(std::count(pairs[0].segment.begin(), pairs[0].segment.end(), 0), 200);  // the receptor comes first
  ASSERT_EQ(read_dataset_dropped(folder.db).size(), 1u);
  EXPECT_EQ(read_dataset_dropped(folder.db)[0].rule, "partner missing");
}

TEST(PrepareContacts, WhatTheReferenceSplitListsComesOut) {
  const fs::path structures = real_data() / "structures";
  HEARTBEAT_NEEDS(structures / "monomers");
  const Folder folder(0);
  const Outcome outcome =
      run_command("prepare_contacts --quiet --allow-atom-sequence --structures " + (structures / "monomers").string() +
                  " --split-dir " + (structures / "splits").string() + " --out " + folder.db);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const auto& [split, list] :
       {std::pair("train", "train"), std::pair("validation", "valid"), std::pair("test", "test_psicov150")}) {
    std::istringstream text(read_text(structures / "splits" / (std::string(list) + ".txt")));
    std::set<std::string> listed{std::istream_iterator<std::string>(text), {}}, found;
    for (const Protein& protein : read_dataset(folder.db, split)) found.insert(protein.id);
    EXPECT_EQ(found, listed);
  }
}

TEST(MakeProteins, WritesTheSameBytesForASeedAndOneSentenceForAMistake) {
  const Scratch scratch;
  for (const char* folder : {"a", "b"})
    ASSERT_EQ(run_command("make_proteins --count 5 --seed 3 --out " + scratch.file(folder)).code, 0);
  long files = 0;
  for (const auto& file : fs::directory_iterator(scratch.file("a"))) {
    ++files;
    EXPECT_EQ(read_text(file.path()), read_text(scratch.file("b") + "/" + file.path().filename().string()));
  }
  EXPECT_EQ(files, 5);
  for (const std::string bad :
       {"--count 0 --out x", "--out /proc/no/folder", "--min-length 90 --max-length 50 --out x", "--what"}) {
    const Outcome outcome = run_command("make_proteins " + bad);
    EXPECT_EQ(outcome.code, 2) << bad;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }
}

}  // namespace
}  // namespace heartbeat
