#include "graph/dataset.h"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>

#include "graph/crc32c.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

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

[[noreturn]] void fail(const std::string& path, sqlite3* db, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw UserError("the disk is full while " + path +
                      " is written; what was committed is kept: make room and run the same command again");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw UserError("cannot open " + path + " for writing; check that its folder exists and may be written");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw UserError(path + " is in use by another program; wait for it to end");
    case SQLITE_NOTADB:
      throw UserError(path + " is no heartbeat data set: it is no SQLite file");
    case SQLITE_CONSTRAINT:
      throw UserError(path + " already holds what is added: " + sqlite3_errmsg(db));
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_IOERR:
      throw UserError("cannot read or write " + path + " (" + sqlite3_errstr(sqlite3_extended_errcode(db)) +
                      "); what was committed is kept: check the disk and run the same command again");
    default:  // SQLITE_CORRUPT, and SQLITE_ERROR for a schema that lost a table or a column
      throw UserError(path + " is damaged (" + sqlite3_errmsg(db) + "); make it again with prepare_contacts");
  }
}

[[noreturn]] void damaged(const std::string& path, const std::string& what) {
  throw UserError(path + " is damaged (" + what + "); make it again with prepare_contacts");
}

class Database {
 public:
  Database(std::string path, int flags) : path_(std::move(path)) {
    const int code = sqlite3_open_v2(path_.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
      const Closer closer{db_};
      fail(path_, db_, code);
    }
    sqlite3_extended_result_codes(db_, 0);
    sqlite3_busy_timeout(db_, 500);
  }
  ~Database() { sqlite3_close_v2(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) const { check(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr)); }
  void check(int code) const {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) fail(path_, db_, code);
  }
  sqlite3* handle() const { return db_; }
  const std::string& path() const { return path_; }

 private:
  struct Closer {
    sqlite3* db;
    ~Closer() { sqlite3_close_v2(db); }
  };
  std::string path_;
  sqlite3* db_ = nullptr;
};

// A prepared statement. Columns are read in order; text and blobs stay valid until the next step.
class Statement {
 public:
  Statement(const Database& db, const std::string& sql) : db_(&db) {
    db.check(sqlite3_prepare_v2(db.handle(), sql.c_str(), -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool step() {
    const int code = sqlite3_step(statement_);
    db_->check(code);
    return code == SQLITE_ROW;
  }
  void execute() {
    const int code = sqlite3_step(statement_);
    sqlite3_reset(statement_);
    db_->check(code);
    next_ = 0;
  }
  Statement& bind(std::string_view text) {
    db_->check(sqlite3_bind_text(statement_, ++next_, text.data(), int(text.size()), SQLITE_TRANSIENT));
    return *this;
  }
  Statement& bind(std::int64_t value) {
    db_->check(sqlite3_bind_int64(statement_, ++next_, value));
    return *this;
  }
  Statement& bind_group(int group) {  // NULL: unknown
    db_->check(group < 0 ? sqlite3_bind_null(statement_, ++next_) : sqlite3_bind_int(statement_, ++next_, group));
    return *this;
  }
  Statement& bind(double value) {
    db_->check(sqlite3_bind_double(statement_, ++next_, value));
    return *this;
  }
  template <class T>
  Statement& bind_blob(const std::vector<T>& values) {  // and its checksum
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    // A null pointer would bind NULL; an empty blob is still a blob.
    db_->check(
        sqlite3_bind_blob64(statement_, ++next_, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_TRANSIENT));
    return bind(std::int64_t(crc32c(bytes)));
  }

  std::string_view bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    if (!data && sqlite3_errcode(db_->handle()) == SQLITE_NOMEM) throw std::bad_alloc();
    return {static_cast<const char*>(data), data ? std::size_t(sqlite3_column_bytes(statement_, column)) : 0};
  }
  std::string text(int column) const { return std::string(bytes(column)); }
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  int group(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL ? -1 : int(number(column));
  }

 private:
  const Database* db_;
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 0;
};

std::uint32_t text_crc(const std::string& id, const std::string& split, int cluster, int fold,
                       const std::string& meta) {
  const char end = '\0';
  return crc32c(id + end + split + end + std::to_string(cluster) + end + std::to_string(fold) + end + meta);
}

std::map<std::string, std::string> meta_of(const Database& db) {
  std::map<std::string, std::string> meta;
  Statement rows(db, "SELECT key, value FROM meta");
  while (rows.step()) meta[rows.text(0)] = rows.text(1);
  return meta;
}

void check_format(const std::string& path, const std::map<std::string, std::string>& meta) {
  const auto found = meta.find("format_version");
  if (found == meta.end()) damaged(path, "it names no format version");
  const std::string want = std::to_string(kDatasetFormat);
  if (found->second != want)
    throw UserError(path + " has data set format " + found->second.substr(0, 20) + ", but this program reads format " +
                    want + "; prepare the structures again with this version of prepare_contacts");
}

bool same_channels(const Database& db) {
  Statement rows(db, "SELECT name, min_separation_loss FROM channel ORDER BY k");
  std::size_t k = 0;
  for (; rows.step(); ++k)
    if (k >= kChannelTable.size() || rows.text(0) != kChannelTable[k].name ||
        rows.number(1) != kChannelTable[k].min_separation_loss)
      return false;
  return k == kChannelTable.size();
}

template <class T>
std::vector<T> checked_blob(const Statement& row, int column, const std::string& path, const std::string& what) {
  const std::string_view bytes = row.bytes(column);
  if (bytes.size() % sizeof(T) != 0 || std::int64_t(crc32c(bytes)) != row.number(column + 1))
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

Protein protein_of(const Statement& row, const std::string& path) {
  Protein p;
  p.id = row.text(0);
  p.split = row.text(1);
  p.cluster = row.group(2);
  p.fold = row.group(3);
  p.meta = row.text(4);
  if (std::int64_t(text_crc(p.id, p.split, p.cluster, p.fold, p.meta)) != row.number(5))
    damaged(path, "the texts of a chain do not match their checksum");
  return p;
}

void read_blobs(const Statement& row, const std::string& path, Protein& p) {
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
    db.run("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
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
  Database db;
  std::map<std::string, std::string> meta;
};

}  // namespace

std::vector<Protein> read_dataset(const std::string& path, const std::string& split) {
  OpenFile file(path);
  if (file.meta["complete"] != "yes")
    throw UserError(path +
                    " is not complete: prepare_contacts was interrupted; run the same command again to finish it");

  // The texts lie before the blobs, so a chain of another split costs no blob. All rows are visited, and counted: an
  // index or a page that a damaged disk took away must not silently make the data set smaller.
  std::vector<Protein> proteins;
  std::int64_t rows = 0;
  Statement row(
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

std::map<std::string, std::string> read_dataset_meta(const std::string& path) {
  return OpenFile(path).meta;
}

std::vector<Dropped> read_dataset_dropped(const std::string& path) {
  const OpenFile file(path);
  std::vector<Dropped> list;
  Statement rows(file.db, "SELECT file, id, rule, detail FROM dropped ORDER BY rowid");
  while (rows.step()) list.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3)});
  return list;
}

struct DatasetWriter::State {
  explicit State(const std::string& path) : db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) {
    // A rollback journal and no WAL: a finished data set is one file that can be read from a folder without write
    // access. The exclusive lock keeps a second writer away.
    db.run(
        "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN "
        "IMMEDIATE");
  }

  void create(const std::string& options) {
    db.run(kSchema);
    set("format_version", std::to_string(kDatasetFormat));
    set("options", options);
    set("chains", "0");
    set("complete", "no");
    Statement channel(db, "INSERT INTO channel VALUES (?, ?, ?, ?, ?, ?)");
    for (std::size_t k = 0; k < kChannelTable.size(); ++k) {
      const Channel& c = kChannelTable[k];
      channel.bind(std::int64_t(k)).bind(std::string_view(c.name)).bind(std::string_view(c.unit_and_rule));
      channel.bind(std::int64_t(c.min_separation_loss)).bind(std::int64_t(c.min_separation_report)).bind(c.loss_weight);
      channel.execute();
    }
  }

  void check_continues(const std::string& path, const std::string& options) {
    auto meta = meta_of(db);
    check_format(path, meta);
    if (!same_channels(db) || meta["options"] != options)
      throw UserError(path + " was made with other options or rules; write to another --out, or remove " + path +
                      " to make it anew");
  }

  void set(const char* key, const std::string& value) {
    Statement(db, "INSERT OR REPLACE INTO meta VALUES (?, ?)").bind(std::string_view(key)).bind(value).execute();
  }

  void begin() {
    if (!in_transaction) db.run("BEGIN IMMEDIATE");
    in_transaction = true;
  }
  void commit() {
    if (!in_transaction) return;
    set("chains", std::to_string(chains));
    db.run("COMMIT");
    in_transaction = false;
  }

  Database db;
  bool in_transaction = true;
  std::int64_t chains = 0;
};

DatasetWriter::DatasetWriter(const std::string& path, const std::string& options) {
  if (std::filesystem::is_directory(path)) throw UserError("cannot write " + path + ": it is a folder; name a file");
  state_ = std::make_unique<State>(path);
  Statement tables(state_->db, "SELECT count(*) FROM sqlite_master");
  tables.step();
  if (tables.number(0) == 0) {
    state_->create(options);
  } else {
    state_->check_continues(path, options);
    Statement count(state_->db, "SELECT count(*) FROM chain NOT INDEXED");
    count.step();
    state_->chains = count.number(0);
  }
}

DatasetWriter::~DatasetWriter() = default;

std::map<std::string, SourceFile> DatasetWriter::sources() const {
  std::map<std::string, SourceFile> list;
  Statement rows(state_->db, "SELECT name, bytes, crc32c, chains FROM source");
  while (rows.step())
    list[rows.text(0)] = {rows.text(0), long(rows.number(1)), std::uint32_t(rows.number(2)), long(rows.number(3))};
  return list;
}

void DatasetWriter::add(const SourceFile& source, const std::vector<Protein>& chains,
                        const std::vector<Dropped>& dropped) {
  state_->begin();
  const Database& db = state_->db;
  for (const char* sql : {"DELETE FROM source WHERE name = ?1", "DELETE FROM dropped WHERE file = ?1",
                          "DELETE FROM chain WHERE id = ?1 OR substr(id, 1, length(?1) + 1) = ?1 || ':'"})
    Statement(db, sql).bind(source.name).execute();
  state_->chains -= sqlite3_changes(db.handle());  // of the last statement
  Statement(db, "INSERT INTO source VALUES (?, ?, ?, ?)")
      .bind(source.name)
      .bind(std::int64_t(source.bytes))
      .bind(std::int64_t(source.crc32c))
      .bind(std::int64_t(chains.size()))
      .execute();
  for (const Dropped& d : dropped)
    Statement(db, "INSERT INTO dropped VALUES (?, ?, ?, ?)")
        .bind(d.file)
        .bind(d.id)
        .bind(d.rule)
        .bind(d.detail)
        .execute();
  for (const Protein& p : chains) {
    std::vector<std::uint16_t> ij, ch;
    for (const ContactPair& pair : p.contacts) {
      ij.insert(ij.end(), {pair.i, pair.j});
      ch.push_back(pair.channels);
    }
    Statement row(db, "INSERT INTO chain VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    row.bind(p.id).bind(p.split).bind_group(p.cluster).bind_group(p.fold).bind(p.meta);
    row.bind(std::int64_t(text_crc(p.id, p.split, p.cluster, p.fold, p.meta)));
    row.bind_blob(p.sequence).bind_blob(p.segment).bind_blob(p.observed);
    row.bind_blob(ij).bind_blob(ch).bind_blob(p.c_beta).execute();
    ++state_->chains;
  }
}

void DatasetWriter::commit() {
  state_->commit();
}

void DatasetWriter::finish() {
  state_->begin();
  state_->set("complete", "yes");
  state_->commit();
}

}  // namespace heartbeat
