#include "tools/log/compact.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"
#include "tools/log/bins.h"
#include "tools/log/run_reader.h"
#include "tools/log/schema.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;

// Rows of one group: a range of steps of 2^level.
struct Group {
  int level = -1;
  long number = -1;
  std::vector<std::pair<int, int>> order;  // quantity and tensor, as they came
  std::map<std::pair<int, int>, WatchRow> rows;
};

// A file that goes away with its name.
struct Aside {
  explicit Aside(std::string path) : path(std::move(path)) { remove(); }
  ~Aside() { remove(); }
  Aside(const Aside&) = delete;
  void remove() const {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  const std::string path;
};

int level_of(long age, long keep) {
  int level = 0;
  while (age >= keep && level < 40) age /= 2, ++level;
  return level;
}

void insert_row(sqlite::Statement& add, const WatchRow& w, int generation) {
  static thread_local std::vector<std::uint8_t> bytes;
  encode_bins(w.stats, bytes);
  const bool none = w.stats.finite() == 0;
  const auto real = [&](double v) { return none ? NAN : v; };  // NaN is stored as NULL
  const auto& bins = w.stats.bins;
  add.run(w.step, w.last_step, w.tensor, int(w.quantity), w.stats.count(), real(w.stats.min), real(w.stats.max),
          real(w.stats.sum), real(w.stats.sum_of_squares), real(w.stats.abs_sum), bins[kZeroBin], bins[kNanBin],
          bins[kPlusInfBin], bins[kMinusInfBin], std::span<const std::uint8_t>(bytes), generation);
}

// The merged rows in a database of their own; how many there are.
std::pair<long, long> write_merged(const RunReader& run, long keep, const std::string& path) {
  sqlite::Database db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  db.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  db.execute(kSchema);
  sqlite::Statement add(db, "INSERT INTO watch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto watched = run.watched_steps();
  long newest = 0, before = 0, after = 0;
  for (const auto& [step, last] : watched) newest = std::max(newest, last);
  Group group;
  const auto close = [&] {
    for (const auto& key : group.order) insert_row(add, group.rows.at(key), run.generations() - 1), ++after;
    group = {};
  };
  run.watch({}, [&](const WatchRow& w) {
    ++before;
    const int level = level_of(newest - w.last_step, keep);
    if (level != group.level || w.step >> level != group.number) close();
    group.level = level, group.number = w.step >> level;
    const auto [at, is_new] = group.rows.try_emplace({int(w.quantity), w.tensor}, w);
    if (is_new)
      group.order.push_back(at->first);
    else
      merge(at->second.stats, w.stats), at->second.last_step = std::max(at->second.last_step, w.last_step);
  });
  close();
  db.execute("COMMIT");
  return {before, after};
}

}  // namespace

CompactResult compact(const std::string& directory, long keep) {
  const std::string path = directory + "/run.db";
  { const RunReader check(directory); }  // its sentences for what is no run
  CompactResult result;
  result.bytes_before = long(fs::file_size(path));
  try {
    sqlite::Database db(path, SQLITE_OPEN_READWRITE);
    sqlite3_busy_timeout(db.get(), 1000);
    // Leaving WAL mode needs the file for oneself: nobody else writes or reads.
    sqlite::Statement alone(db, "PRAGMA journal_mode = DELETE");
    if (!alone.step() || alone.text(0) != "delete") throw sqlite::Error(SQLITE_BUSY, "busy");
    alone = {};
    const Aside aside(path + ".merged");
    std::tie(result.rows_before, result.rows_after) = write_merged(RunReader(directory), keep, aside.path);
    if (result.rows_after < result.rows_before) {
      sqlite::Statement attach(db, "ATTACH ? AS merged");
      attach.run(std::string_view(aside.path));
      db.execute("BEGIN IMMEDIATE; DELETE FROM main.watch; INSERT INTO main.watch SELECT * FROM merged.watch; COMMIT;");
      attach = {};
      db.execute("DETACH merged; VACUUM");
    }
    db.execute("PRAGMA journal_mode = WAL");
  } catch (const sqlite::Error& e) {
    if (e.code() == SQLITE_BUSY || e.code() == SQLITE_LOCKED)
      throw UserError(fmt::format("the run in {} is still being written or read; wait until it has ended", directory));
    throw UserError(fmt::format("the run log {} could not be made smaller ({}); it is as it was", path, e.what()));
  }
  result.bytes_after = long(fs::file_size(path));
  return result;
}

}  // namespace heartbeat
