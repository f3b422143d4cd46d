#include <bit>
#include <filesystem>

#include "graph/crc32c.h"
#include "graph/dataset_file.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

using namespace dataset_file;

static_assert(std::endian::native == std::endian::little, "blobs are written as they lie in memory");

constexpr const char* kSchema = R"(
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE channel (k INTEGER PRIMARY KEY, name TEXT, rule TEXT, min_separation_loss INTEGER,
                        min_separation_report INTEGER, loss_weight REAL);
  CREATE TABLE source (name TEXT PRIMARY KEY, bytes INTEGER, crc32c INTEGER, chains INTEGER) WITHOUT ROWID;
  CREATE TABLE dropped (file TEXT, id TEXT, rule TEXT, detail TEXT);
  CREATE TABLE chain (id TEXT PRIMARY KEY, split TEXT, cluster INTEGER, fold INTEGER, meta TEXT, text_crc32c INTEGER,
                      seq BLOB, seq_crc32c INTEGER, seg BLOB, seg_crc32c INTEGER, obs BLOB, obs_crc32c INTEGER,
                      pair_ij BLOB, pair_ij_crc32c INTEGER, pair_ch BLOB, pair_ch_crc32c INTEGER,
                      cb BLOB, cb_crc32c INTEGER);
)";

template <class T>
std::span<const std::uint8_t> bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}
template <class T>
std::uint32_t crc_of(const std::vector<T>& values) {
  return crc32c({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}
std::optional<int> group(int number) {  // NULL: unknown
  return number < 0 ? std::nullopt : std::optional<int>(number);
}

}  // namespace

struct DatasetWriter::State {
  explicit State(const std::string& file) : path(file), db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) {
    // A rollback journal and no WAL: a finished data set is one file that can be read from a folder without write
    // access. The exclusive lock keeps a second writer away.
    db.execute(
        "PRAGMA busy_timeout = 500; PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; "
        "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE");
  }

  void create(const std::string& options) {
    db.execute(kSchema);
    set("format_version", std::to_string(kDatasetFormat));
    set("options", options);
    set("chains", "0");
    set("complete", "no");
    sqlite::Statement channel(db, "INSERT INTO channel VALUES (?, ?, ?, ?, ?, ?)");
    for (std::size_t k = 0; k < kChannelTable.size(); ++k) {
      const Channel& c = kChannelTable[k];
      channel.run(k, c.name, c.unit_and_rule, c.min_separation_loss, c.min_separation_report, double(c.loss_weight));
    }
  }

  void check_continues(const std::string& options) {
    auto meta = meta_of(db);
    check_format(path, meta);
    if (!same_channels(db) || meta["options"] != options)
      throw UserError(path + " was made with other options or rules; write to another --out, or remove " + path +
                      " to make it anew");
  }

  long count(const std::string& table) {
    sqlite::Statement rows(db, "SELECT count(*) FROM " + table);
    rows.step();
    return rows.integer(0);
  }
  void set(std::string_view key, const std::string& value) {
    sqlite::Statement(db, "INSERT OR REPLACE INTO meta VALUES (?, ?)").run(key, value);
  }

  void begin() {
    if (!in_transaction) db.execute("BEGIN IMMEDIATE");
    in_transaction = true;
  }
  void commit() {
    if (!in_transaction) return;
    set("chains", std::to_string(chains));
    db.execute("COMMIT");
    in_transaction = false;
  }

  void remove(const std::string& source) {
    sqlite::Statement(db, "DELETE FROM source WHERE name = ?").run(source);
    sqlite::Statement(db, "DELETE FROM dropped WHERE file = ?").run(source);
    sqlite::Statement(db, "DELETE FROM chain WHERE id = ?1 OR substr(id, 1, length(?1) + 1) = ?1 || ':'").run(source);
    chains -= sqlite3_changes(db.get());  // of the last statement
  }

  void add(const Protein& p) {
    std::vector<std::uint16_t> ij, ch;
    for (const ContactPair& pair : p.contacts) {
      ij.insert(ij.end(), {pair.i, pair.j});
      ch.push_back(pair.channels);
    }
    sqlite::Statement(db, "INSERT INTO chain VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        .run(p.id, p.split, group(p.cluster), group(p.fold), p.meta, text_crc(p), bytes_of(p.sequence),
             crc_of(p.sequence), bytes_of(p.segment), crc_of(p.segment), bytes_of(p.observed), crc_of(p.observed),
             bytes_of(ij), crc_of(ij), bytes_of(ch), crc_of(ch), bytes_of(p.c_beta), crc_of(p.c_beta));
    ++chains;
  }

  std::string path;
  sqlite::Database db;
  bool in_transaction = true;
  long chains = 0;
};

DatasetWriter::DatasetWriter(const std::string& path, const std::string& options) {
  if (std::filesystem::is_directory(path)) throw UserError("cannot write " + path + ": it is a folder; name a file");
  speaking_of(path, [&] {
    state_ = std::make_unique<State>(path);
    if (state_->count("sqlite_master") == 0) {
      state_->create(options);
    } else {
      state_->check_continues(options);
      state_->chains = state_->count("chain NOT INDEXED");
    }
  });
}

DatasetWriter::~DatasetWriter() = default;

std::map<std::string, SourceFile> DatasetWriter::sources() const {
  return speaking_of(state_->path, [&] {
    std::map<std::string, SourceFile> list;
    sqlite::Statement rows(state_->db, "SELECT name, bytes, crc32c, chains FROM source");
    while (rows.step())
      list[rows.text(0)] = {rows.text(0), rows.integer(1), std::uint32_t(rows.integer(2)), rows.integer(3)};
    return list;
  });
}

void DatasetWriter::add(const SourceFile& source, const std::vector<Protein>& chains,
                        const std::vector<Dropped>& dropped) {
  speaking_of(state_->path, [&] {
    state_->begin();
    state_->remove(source.name);
    sqlite::Statement(state_->db, "INSERT INTO source VALUES (?, ?, ?, ?)")
        .run(source.name, source.bytes, source.crc32c, chains.size());
    for (const Dropped& d : dropped)
      sqlite::Statement(state_->db, "INSERT INTO dropped VALUES (?, ?, ?, ?)").run(d.file, d.id, d.rule, d.detail);
    for (const Protein& p : chains) state_->add(p);
  });
}

void DatasetWriter::commit() {
  speaking_of(state_->path, [&] { state_->commit(); });
}

void DatasetWriter::finish() {
  speaking_of(state_->path, [&] {
    state_->begin();
    state_->set("complete", "yes");
    state_->commit();
  });
}

}  // namespace heartbeat
