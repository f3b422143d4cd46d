#include "graph/dataset.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "graph/crc32c.h"
#include "graph/dataset_file.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

using namespace dataset_file;

template <class T>
std::vector<T> checked_blob(const sqlite::Statement& row, int column, const std::string& path,
                            const std::string& what) {
  const auto bytes = row.blob(column);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes.size() % sizeof(T) != 0 || long(crc32c(text)) != row.integer(column + 1))
    damaged(path, what + " does not match its checksum");
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Checksums find accidents; this finds what a writer must never have written.
void check_protein(const Protein& p, const std::string& path) {
  const std::size_t n = p.sequence.size();
  bool good = n <= 0xffff && p.segment.size() == n && p.observed.size() == n && p.c_beta.size() == 3 * n;
  for (const auto token : p.sequence) good = good && token < kTokens;
  for (std::size_t c = 0; c < p.contacts.size(); ++c) {
    const ContactPair &pair = p.contacts[c], &before = p.contacts[c ? c - 1 : 0];
    good = good && pair.i < pair.j && pair.j < n && pair.channels >> kChannelTable.size() == 0;
    good = good && (c == 0 || before.i < pair.i || (before.i == pair.i && before.j < pair.j));
  }
  if (!good) damaged(path, "chain " + p.id + " is inconsistent");
}

Protein protein_of(const sqlite::Statement& row, const std::string& path) {
  const auto group = [&](int column) { return row.is_null(column) ? -1 : int(row.integer(column)); };
  Protein p;
  p.id = row.text(0);
  p.split = row.text(1);
  p.cluster = group(2);
  p.fold = group(3);
  p.meta = row.text(4);
  if (long(text_crc(p)) != row.integer(5)) damaged(path, "the texts of a chain do not match their checksum");
  return p;
}

void read_blobs(const sqlite::Statement& row, const std::string& path, Protein& p) {
  p.sequence = checked_blob<std::uint8_t>(row, 6, path, "seq of " + p.id);
  p.segment = checked_blob<std::uint8_t>(row, 8, path, "seg of " + p.id);
  p.observed = checked_blob<std::uint16_t>(row, 10, path, "obs of " + p.id);
  const auto ij = checked_blob<std::uint16_t>(row, 12, path, "pair_ij of " + p.id);
  const auto ch = checked_blob<std::uint16_t>(row, 14, path, "pair_ch of " + p.id);
  p.c_beta = checked_blob<float>(row, 16, path, "cb of " + p.id);
  if (ij.size() != 2 * ch.size()) damaged(path, "chain " + p.id + " is inconsistent");
  p.contacts.resize(ch.size());
  for (std::size_t c = 0; c < ch.size(); ++c) p.contacts[c] = {ij[2 * c], ij[2 * c + 1], ch[c]};
  check_protein(p, path);
}

// A data set of our format. Opened for writing where allowed: SQLite then rolls back what a killed writer left.
struct OpenFile {
  explicit OpenFile(const std::string& path) : db((check_exists(path), path), SQLITE_OPEN_READWRITE) {
    db.execute("PRAGMA busy_timeout = 500; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    meta = meta_of(db);
    check_format(path, meta);
    if (!same_channels(db))
      throw UserError(path + " was made with other contact channels; prepare the structures again with this version");
  }
  static void check_exists(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
      throw UserError("there is no data set at " + path + "; make one with prepare_contacts");
  }
  sqlite::Database db;
  std::map<std::string, std::string> meta;
};

std::vector<Protein> read_chains(const std::string& path, const std::string& split) {
  OpenFile file(path);
  if (file.meta["complete"] != "yes")
    throw UserError(path +
                    " is not complete: prepare_contacts was interrupted; run the same command again to finish it");

  // The texts lie before the blobs, so a chain of another split costs no blob. All rows are visited, and counted: an
  // index or a page that a damaged disk took away must not silently make the data set smaller.
  std::vector<Protein> proteins;
  long rows = 0;
  sqlite::Statement row(
      file.db,
      "SELECT id, split, cluster, fold, meta, text_crc32c, seq, seq_crc32c, seg, seg_crc32c, obs, obs_crc32c, "
      "pair_ij, pair_ij_crc32c, pair_ch, pair_ch_crc32c, cb, cb_crc32c FROM chain NOT INDEXED");
  for (; row.step(); ++rows) {
    Protein p = protein_of(row, path);
    if (!split.empty() && p.split != split) continue;
    read_blobs(row, path, p);
    proteins.push_back(std::move(p));
  }
  if (std::to_string(rows) != file.meta["chains"])
    damaged(path, "it holds " + std::to_string(rows) + " chains where " + file.meta["chains"].substr(0, 20) +
                      " were written");
  std::sort(proteins.begin(), proteins.end(), [](const Protein& a, const Protein& b) { return a.id < b.id; });
  return proteins;
}

}  // namespace

std::vector<Protein> read_dataset(const std::string& path, const std::string& split) {
  return speaking_of(path, [&] { return read_chains(path, split); });
}

std::map<std::string, std::string> read_dataset_meta(const std::string& path) {
  return speaking_of(path, [&] { return OpenFile(path).meta; });
}

std::vector<Dropped> read_dataset_dropped(const std::string& path) {
  return speaking_of(path, [&] {
    OpenFile file(path);
    std::vector<Dropped> list;
    sqlite::Statement rows(file.db, "SELECT file, id, rule, detail FROM dropped ORDER BY rowid");
    while (rows.step()) list.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3)});
    return list;
  });
}

}  // namespace heartbeat
