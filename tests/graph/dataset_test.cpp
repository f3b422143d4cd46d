#include "graph/dataset.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "graph/counter_random.h"
#include "graph/crc32c.h"
#include "kernels/common/error.h"
#include "tests/support/proteins.h"
#include "tests/support/scratch.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using testing::random_protein;
using testing::Scratch;

void expect_equal(const Protein& a, const Protein& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.split, b.split);
  EXPECT_EQ(a.cluster, b.cluster);
  EXPECT_EQ(a.fold, b.fold);
  EXPECT_EQ(a.meta, b.meta);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.segment, b.segment);
  EXPECT_EQ(a.observed, b.observed);
  EXPECT_EQ(a.contacts, b.contacts);
  ASSERT_EQ(a.c_beta.size(), b.c_beta.size());
  if (a.c_beta.empty()) return;
  EXPECT_EQ(std::memcmp(a.c_beta.data(), b.c_beta.data(), 4 * a.c_beta.size()), 0);  // NaN included
}

std::vector<Protein> examples() {
  std::vector<Protein> list = {random_protein("b", {60}), random_protein("a:A", {0}), random_protein("c", {30, 20})};
  list[0].cluster = 4;
  list[0].fold = 0;
  list[2].split = "validation";
  return list;
}

void write(const std::string& path, const std::vector<Protein>& chains, bool finish = true) {
  DatasetWriter writer(path, "{}");
  writer.add({"file.cif", 10, 20, 0}, chains, {{"file.cif", "x", "length", "39 residues, fewer than 40"}});
  if (finish)
    writer.finish();
  else
    writer.commit();
}

std::string complaint(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& e) {
    return e.what();
  }
  return "no complaint";
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST(Crc32c, MatchesThePublishedVector) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Dataset, GivesBackWhatWasWritten) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db");
  const auto chains = examples();
  write(path, chains);
  const auto all = read_dataset(path);
  ASSERT_EQ(all.size(), 3u);
  expect_equal(all[0], chains[1]);  // sorted by id
  expect_equal(all[1], chains[0]);
  expect_equal(all[2], chains[2]);
  const auto validation = read_dataset(path, "validation");
  ASSERT_EQ(validation.size(), 1u);
  expect_equal(validation[0], chains[2]);
  EXPECT_TRUE(read_dataset(path, "test").empty());
  ASSERT_EQ(read_dataset_dropped(path).size(), 1u);
  EXPECT_EQ(read_dataset_dropped(path)[0].detail, "39 residues, fewer than 40");
  EXPECT_EQ(read_dataset_meta(path)["chains"], "3");
  EXPECT_FALSE(fs::exists(path + "-journal") && fs::file_size(path + "-journal") > 0);
}

TEST(Dataset, ContinuesWhereItWasCommittedAndForgetsTheRest) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db"), straight = scratch.file("s.db");
  const auto chains = examples();
  const auto add = [&](DatasetWriter& writer, int n) {
    writer.add({"f" + std::to_string(n), n, 0, 0}, {chains[n]}, {});
  };
  {
    DatasetWriter writer(path, "{}");
    add(writer, 0);
    writer.commit();
    add(writer, 1);
  }
  EXPECT_EQ(complaint([&] { read_dataset(path); }),
            path + " is not complete: prepare_contacts was interrupted; run the same command again to finish it");
  {
    DatasetWriter writer(path, "{}");
    ASSERT_EQ(writer.sources().size(), 1u);
    EXPECT_EQ(writer.sources().at("f0").chains, 1);
    add(writer, 1);
    add(writer, 2);
    writer.finish();
  }
  {
    DatasetWriter writer(straight, "{}");
    for (int n = 0; n < 3; ++n) add(writer, n);
    writer.finish();
  }
  const auto a = read_dataset(path), b = read_dataset(straight);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t n = 0; n < a.size(); ++n) expect_equal(a[n], b[n]);
}

TEST(Dataset, AFileThatChangedReplacesWhatItGave) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db");
  {
    DatasetWriter writer(path, "{}");
    writer.add({"f", 1, 1, 0}, {random_protein("f:A", {5}), random_protein("f:B", {6})}, {{"f", "f:C", "length", ""}});
    writer.add({"f2", 1, 1, 0}, {random_protein("f2", {5})}, {{"f2", "f2:C", "length", ""}});
    writer.add({"f", 2, 2, 0}, {random_protein("f", {7})}, {});
    EXPECT_EQ(writer.sources().at("f").crc32c, 2u);
    writer.finish();
  }
  const auto chains = read_dataset(path);
  ASSERT_EQ(chains.size(), 2u);
  EXPECT_EQ(chains[0].length(), 7);
  EXPECT_EQ(chains[1].id, "f2");
  ASSERT_EQ(read_dataset_dropped(path).size(), 1u);
  EXPECT_EQ(read_dataset_dropped(path)[0].file, "f2");
}

TEST(Dataset, MistakesGetOneSentence) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db"), text = scratch.file("text.db");
  EXPECT_EQ(complaint([&] { read_dataset(path); }),
            "there is no data set at " + path + "; make one with prepare_contacts");
  std::ofstream(text)
      << "this is a text of more than a hundred letters, and no database at all, however long one looks "
         "at it and whatever one hopes to find in it";
  EXPECT_EQ(complaint([&] { read_dataset(text); }), text + " is no heartbeat data set: it is no SQLite file");
  EXPECT_EQ(complaint([&] { DatasetWriter(text, "{}"); }), text + " is no heartbeat data set: it is no SQLite file");
  EXPECT_EQ(
      complaint([&] { DatasetWriter(scratch.file("no/folder.db"), "{}"); }),
      "cannot open " + scratch.file("no/folder.db") + " for writing; check that its folder exists and may be written");
  EXPECT_EQ(complaint([&] { DatasetWriter(scratch.file(""), "{}"); }),
            "cannot write " + scratch.file("") + ": it is a folder; name a file");

  write(path, examples());
  EXPECT_EQ(
      complaint([&] { DatasetWriter(path, "{\"crop\":1}"); }),
      path + " was made with other options or rules; write to another --out, or remove " + path + " to make it anew");
  {
    DatasetWriter first(path, "{}");
    EXPECT_EQ(complaint([&] { DatasetWriter(path, "{}"); }),
              path + " is in use by another program; wait for it to end");
  }
  run_sql(path, "UPDATE meta SET value = '7' WHERE key = 'format_version'");
  const std::string other_format = path +
                                   " has data set format 7, but this program reads format 1; prepare the structures "
                                   "again with this version of prepare_contacts";
  EXPECT_EQ(complaint([&] { read_dataset(path); }), other_format);
  EXPECT_EQ(complaint([&] { DatasetWriter(path, "{}"); }), other_format);
  run_sql(path, "UPDATE meta SET value = '1' WHERE key = 'format_version'; UPDATE channel SET min_separation_loss = 9");
  EXPECT_EQ(complaint([&] { read_dataset(path); }),
            path + " was made with other contact channels; prepare the structures again with this version");
}

TEST(Dataset, LostRowsAndForgedRowsAreNoticed) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db");
  const auto damage = [&](const std::string& sql) {
    fs::remove(path);
    write(path, examples());
    run_sql(path, sql);
    return complaint([&] { read_dataset(path); });
  };
  EXPECT_EQ(damage("DELETE FROM chain WHERE id = 'b'"),
            path + " is damaged (it holds 2 chains where 3 were written); make it again with prepare_contacts");
  EXPECT_NE(damage("UPDATE chain SET split = 'test' WHERE id = 'b'").find("texts of a chain"), std::string::npos);
  EXPECT_NE(damage("UPDATE chain SET obs = zeroblob(120) WHERE id = 'b'").find("obs of b does not match"),
            std::string::npos);
  EXPECT_NE(
      damage("UPDATE chain SET seg = seq, seg_crc32c = seq_crc32c, seq = x'05', seq_crc32c = 0").find("is damaged"),
      std::string::npos);
  EXPECT_NE(damage("DROP TABLE dropped; DROP TABLE chain").find("is damaged (no such table: chain)"),
            std::string::npos);
}

// Whatever a disk does to the file: the right content or one sentence.
TEST(Dataset, FlippedBitsAndLostEndsAreRefused) {
  const Scratch scratch;
  const std::string path = scratch.file("d.db"), broken = scratch.file("broken.db");
  const auto chains = examples();
  write(path, chains);
  std::ifstream file(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(file)), {});
  CounterRandom draw({1});
  int refused = 0;
  const auto expect_content_or_sentence = [&](const std::string& bytes) {
    std::ofstream(broken, std::ios::binary) << bytes;
    try {
      const auto read = read_dataset(broken);
      ASSERT_EQ(read.size(), 3u);
      expect_equal(read[1], chains[0]);
      expect_equal(read[2], chains[2]);
    } catch (const UserError& e) {
      ++refused;
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    }
  };
  for (int round = 0; round < 400; ++round) {
    std::string bytes = good;
    // The texts of the schema and the first bytes of the pages are where SQLite can be led astray.
    const long page = draw.below(long(good.size()) / 4096) * 4096;
    for (long n = draw.between(1, 3); n > 0; --n) {
      const long at = draw.chance(0.5) ? draw.below(long(good.size())) : page + draw.below(128);
      bytes[at] = char(bytes[at] ^ (1 << draw.below(8)));
    }
    expect_content_or_sentence(bytes);
  }
  EXPECT_GT(refused, 30);  // most flips hit free space
  refused = 0;
  for (int round = 0; round < 60; ++round) expect_content_or_sentence(good.substr(0, draw.below(long(good.size()))));
  EXPECT_GT(refused, 30);  // the last pages hold nothing that is read
}

}  // namespace
}  // namespace heartbeat
