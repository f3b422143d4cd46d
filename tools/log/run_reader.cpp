#include "tools/log/run_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "tools/log/bins.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
constexpr long kMostTensors = 1'000'000, kMostGenerations = 100'000, kMostSteps = 1'000'000'000'000;
constexpr int kWidestImage = 1 << 15;

// Absent numbers come back as NaN; infinities never were written.
double real_or_nan(const sqlite::Statement& s, int column) {
  return s.is_null(column) ? NAN : s.real(column);
}

template <class T>
std::vector<T> parse_list(const std::string& text) {
  std::vector<T> values;
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return values;
  for (const auto& v : json) values.push_back(v.is_number() ? v.get<T>() : std::is_same_v<T, double> ? T(NAN) : T(0));
  return values;
}

constexpr const char* kStepColumns = "wall_time, epoch, learning_rates, clip_factor, loss_scale, skipped";
StepRow step_of(const sqlite::Statement& s) {
  return {s.integer(0),      real_or_nan(s, 3), parse_list<double>(s.text(4)), real_or_nan(s, 5), real_or_nan(s, 6),
          s.integer(7) != 0, s.real(2)};
}

constexpr const char* kScalarColumns = "name, value, class";
double value_of(const sqlite::Statement& s) {
  const long kind = s.integer(4);
  return kind == 0 ? real_or_nan(s, 3) : kind == 1 ? NAN : kind == 2 ? INFINITY : -INFINITY;
}

constexpr const char* kWatchColumns =
    "last_step, tensor, quantity, numel, min, max, sum, sumsq, abs_sum, nan, pinf, ninf, bins";

sqlite::Database open_for_reading(const std::string& path) {
  try {
    sqlite::Database db(path, SQLITE_OPEN_READONLY);
    db.execute("PRAGMA schema_version");  // opens the WAL now
    return db;
  } catch (const sqlite::Error& e) {
    if (e.code() != SQLITE_CANTOPEN || fs::exists(path + "-wal")) throw;
    // WAL mode wants to create its shared memory beside the file; on a read-only disk nobody writes anyway.
    sqlite::Database db("file:" + path + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    db.execute("PRAGMA schema_version");
    return db;
  }
}

}  // namespace

void RunReader::damaged(const std::string& cause) const {
  // SQLite quotes what it stumbles over: any bytes, and lines of them.
  std::string what = cause.substr(0, 100);
  std::replace_if(
      what.begin(), what.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  throw UserError(fmt::format("the run log {}/run.db is damaged ({}); restore it from a copy or start the run again",
                              directory_, what));
}

RunReader::RunReader(const std::string& directory) : directory_(directory) {
  const std::string path = directory + "/run.db";
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) throw UserError(fmt::format("there is no run directory {}", directory));
  if (!fs::is_directory(directory, ignored))
    throw UserError(fmt::format("{} is not a run directory; give the directory that holds run.db", directory));
  if (!fs::exists(path, ignored))
    throw UserError(fmt::format("{} is not a run directory: it holds no run.db", directory));
  try {
    db_ = open_for_reading(path);
    // The file may come from anywhere: nothing in its schema is to run, and broken pages are to be noticed.
    db_.execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
  refresh();
}

void RunReader::refresh() {
  release();
  try {
    db_.execute("BEGIN");
    read_meta();
    read_tensors();
    read_generations();
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
}

void RunReader::release() {
  if (!sqlite3_get_autocommit(db_.get())) db_.execute("COMMIT");
}

sqlite::Statement RunReader::prepare(const std::string& sql) const {
  return {db_, sql};
}

void RunReader::read_meta() {
  for (auto s = prepare("SELECT key, value FROM meta ORDER BY key"); s.step();) meta_[s.text(0)] = s.text(1);
  const std::string& version = meta_["format_version"];
  int number = 0;
  const auto [end, failed] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (failed != std::errc() || number < 1) damaged("no format version");
  if (number > kLogFormatVersion)
    throw UserError(
        fmt::format("the run log {}/run.db has format {}, this program reads up to {}; use a newer "
                    "heartbeat",
                    directory_, number, kLogFormatVersion));
}

void RunReader::read_tensors() {
  tensors_.clear();
  auto s = prepare(
      "SELECT id, name, shape, dtype, aliases, trainable, optimizer_group, module_path FROM tensor ORDER BY id");
  while (s.step()) {
    if (s.integer(0) != long(tensors_.size()) || s.integer(0) >= kMostTensors) damaged("tensor ids have gaps");
    tensors_.push_back(
        {s.text(1), parse_list<long>(s.text(2)), s.text(3), s.text(4), s.integer(5) != 0, s.text(6), s.text(7)});
  }
}

void RunReader::read_generations() {
  resumed_after_ = {LONG_MIN};
  auto s = prepare("SELECT step, generation FROM note WHERE key = 'resume' ORDER BY generation, rowid");
  while (s.step()) {
    const long generation = s.integer(1);
    if (generation != long(resumed_after_.size()) || generation >= kMostGenerations) damaged("generations have gaps");
    resumed_after_.push_back(s.integer(0));
  }
}

// A row of generation g counts up to the earliest checkpoint that a later generation went on from; histograms also stop
// where a later generation starts to repeat them.
std::vector<long> RunReader::limits(const std::string& table) const {
  std::vector<long> limit(resumed_after_.size(), LONG_MAX), cut = resumed_after_;
  if (table == "watch" && generations() > 1) {
    auto s = prepare("SELECT generation, min(step) FROM watch GROUP BY generation");
    while (s.step())
      if (const long g = s.integer(0); g > 0 && g < generations()) cut[g] = std::min(cut[g], s.integer(1) - 1);
  }
  for (std::size_t g = limit.size() - 1; g-- > 0;) limit[g] = std::min(limit[g + 1], cut[g + 1]);
  return limit;
}

void RunReader::rows(const std::string& table, const std::string& columns, StepRange range,
                     const std::function<void(sqlite::Statement&)>& visit) const {
  try {
    const std::vector<long> limit = limits(table);
    // Rows are appended in order; with one generation the sort of a large table is avoided.
    auto s = prepare(fmt::format("SELECT step, generation, {} FROM {} WHERE step BETWEEN ?1 AND ?2 ORDER BY {}rowid",
                                 columns, table, generations() > 1 ? "generation, " : ""));
    s.bind_all(range.first, range.last);
    while (s.step())
      if (counts(s, limit)) visit(s);
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
}

long RunReader::rows_after(const std::string& table, const std::string& columns, long after,
                           const std::function<void(sqlite::Statement&)>& visit) const {
  try {
    const std::vector<long> limit = limits(table);
    auto s = prepare(
        fmt::format("SELECT step, generation, {}, rowid FROM {} WHERE rowid > ?1 ORDER BY rowid", columns, table));
    s.bind_all(after);
    const int row_number = 3 + int(std::count(columns.begin(), columns.end(), ','));
    while (s.step()) {
      if (counts(s, limit)) visit(s);
      after = s.integer(row_number);
    }
    return after;
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
}

long RunReader::last_row(const std::string& table) const {
  try {
    auto s = prepare(fmt::format("SELECT max(rowid) FROM {}", table));
    s.step();
    return s.integer(0);
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
}

bool RunReader::counts(const sqlite::Statement& s, const std::vector<long>& limit) const {
  const long generation = s.integer(1);
  if (generation < 0 || generation >= generations()) damaged("unknown generation");
  if (s.integer(0) < 0 || s.integer(0) > kMostSteps) damaged("a step that no run reaches");
  return s.integer(0) <= limit[generation];
}

std::vector<StepRow> RunReader::steps(StepRange range) const {
  std::map<long, StepRow> by_step;  // a later generation overwrites
  rows("step", kStepColumns, range, [&](auto& s) { by_step[s.integer(0)] = step_of(s); });
  std::vector<StepRow> steps;
  for (auto& [step, row] : by_step) steps.push_back(std::move(row));
  return steps;
}

std::vector<ScalarRow> RunReader::scalars(StepRange range) const {
  std::map<std::pair<long, std::string>, double> values;
  rows("scalar", kScalarColumns, range, [&](auto& s) { values[{s.integer(0), s.text(2)}] = value_of(s); });
  std::vector<ScalarRow> scalars;
  for (const auto& [key, value] : values) scalars.push_back({key.first, key.second, value});
  return scalars;
}

std::vector<AlertRow> RunReader::alerts(StepRange range) const {
  std::vector<AlertRow> alerts;
  rows("alert", "rule, severity, tensor, first_step, value, \"limit\", text, fixes", range, [&](auto& s) {
    alerts.push_back({s.text(2), s.text(3), s.text(4), s.integer(5), s.integer(0), real_or_nan(s, 6), real_or_nan(s, 7),
                      s.text(8), s.text(9)});
  });
  std::stable_sort(alerts.begin(), alerts.end(), [](auto& a, auto& b) { return a.step < b.step; });
  return alerts;
}

std::vector<NoteRow> RunReader::notes(StepRange range) const {
  std::vector<NoteRow> notes;
  rows("note", "key, value", range, [&](auto& s) { notes.push_back({s.integer(0), s.text(2), s.text(3)}); });
  std::stable_sort(notes.begin(), notes.end(), [](auto& a, auto& b) { return a.step < b.step; });
  return notes;
}

std::vector<ImageHandle> RunReader::images(StepRange range) const {
  std::map<std::pair<long, std::string>, ImageHandle> images;
  rows("image", "rowid, name, width, height", range, [&](auto& s) {
    const long width = s.integer(4), height = s.integer(5);
    if (width < 0 || height < 0 || width > kWidestImage || height > kWidestImage) damaged("image of impossible size");
    images[{s.integer(0), s.text(3)}] = {s.integer(0), s.integer(2), s.text(3), int(width), int(height)};
  });
  std::vector<ImageHandle> handles;
  for (auto& [key, image] : images) handles.push_back(std::move(image));
  return handles;
}

std::vector<std::uint8_t> RunReader::samples(const ImageHandle& image) const {
  try {
    auto s = prepare("SELECT samples FROM image WHERE rowid = ?1");
    s.bind_all(image.id);
    if (!s.step()) damaged("an image is gone");
    const auto bytes = s.blob(0);
    if (bytes.size() != std::size_t(image.width) * std::size_t(image.height)) damaged("image of another size");
    return {bytes.begin(), bytes.end()};
  } catch (const sqlite::Error& e) {
    damaged(e.what());
  }
}

void RunReader::read_watch(const sqlite::Statement& s, WatchRow& row) const {
  const long tensor = s.integer(3), quantity = s.integer(4);
  if (tensor < 0 || tensor >= long(tensors_.size())) damaged("statistics of an unknown tensor");
  if (quantity < 0 || quantity >= kQuantities) damaged("statistics of an unknown quantity");
  row.step = s.integer(0);
  row.last_step = s.integer(2);
  row.tensor = int(tensor);
  row.quantity = Quantity(quantity);
  if (row.last_step < row.step || row.last_step > kMostSteps || !decode_bins(s.blob(14), row.stats))
    damaged("a histogram cannot be read");
  for (int k = 0; k < 3; ++k) row.stats.bins[kNanBin + k] = std::uint64_t(s.integer(11 + k)) & (~0ull >> 8);
  if (row.stats.count() != std::uint64_t(s.integer(5))) damaged("a histogram lost elements");
  row.stats.min = real_or_nan(s, 6);
  row.stats.max = real_or_nan(s, 7);
  row.stats.sum = real_or_nan(s, 8);
  row.stats.sum_of_squares = real_or_nan(s, 9);
  row.stats.abs_sum = real_or_nan(s, 10);
}

void RunReader::watch(StepRange range, const std::function<void(const WatchRow&)>& visit) const {
  WatchRow row;
  rows("watch", kWatchColumns, range, [&](auto& s) { read_watch(s, row), visit(row); });
}

long RunReader::watch_after(long after, const std::function<void(const WatchRow&)>& visit) const {
  WatchRow row;
  return rows_after("watch", kWatchColumns, after, [&](auto& s) { read_watch(s, row), visit(row); });
}

long RunReader::steps_after(long after, const std::function<void(const StepRow&)>& visit) const {
  return rows_after("step", kStepColumns, after, [&](auto& s) { visit(step_of(s)); });
}

long RunReader::scalars_after(long after, const std::function<void(const ScalarRow&)>& visit) const {
  return rows_after("scalar", kScalarColumns, after, [&](auto& s) { visit({s.integer(0), s.text(2), value_of(s)}); });
}

std::map<long, long> RunReader::watched_steps() const {
  std::map<long, long> last_steps;
  rows("watch", "last_step", {}, [&](auto& s) {
    long& last = last_steps[s.integer(0)];
    last = std::max(last, s.integer(2));
  });
  return last_steps;
}

}  // namespace heartbeat
