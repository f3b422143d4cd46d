#include "tools/log/run_log.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>
#include <variant>

#include "graph/sqlite.h"
#include "kernels/common/error.h"
#include "tools/common/clock.h"
#include "tools/log/row_writer.h"
#include "tools/log/run_reader.h"
#include "tools/log/schema.h"
#include "tools/log/tensorboard.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
constexpr double kOldest = 0.9;  // seconds from a call to the commit of its row; with what a machine is late by, one

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string random_id() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

UserError trouble(const std::string& directory, const sqlite::Error& e) {
  return UserError(fmt::format("the run log {}/run.db could not be written: {}; {}", directory, e.what(),
                               e.disk_full() ? "free disk space, then continue with --resume"
                                             : "check the disk and its permissions, then continue with --resume"));
}

std::size_t bytes_of(const LogItem& item) {
  std::size_t bytes = sizeof(LogItem);
  if (const auto* watch = std::get_if<WatchRows>(&item)) bytes += watch->stats->size() * sizeof(TensorStats);
  if (const auto* image = std::get_if<ImageRow>(&item)) bytes += image->samples.size();
  return bytes;
}

}  // namespace

// Queue and thread. The database belongs to the thread once it runs.
struct RunLog::Writer {
  Writer(std::string dir, sqlite::Database database, int generation, std::vector<TensorRow> known,
         const RunLogOptions& options)
      : directory(std::move(dir)),
        generation(generation),
        known(std::move(known)),
        limit(std::max<std::size_t>(1, options.queue_bytes)),
        rows(std::move(database), generation) {
    // One event file for each directory: a resumed run writes beside the first one.
    if (options.tensorboard)
      events.emplace(generation ? fmt::format("{}/resume-{}", directory, generation) : directory, options.total_steps);
    if (events) events->tensors(this->known);
    thread = std::thread([this] { run(); });
  }

  ~Writer() { stop(); }

  void push(LogItem item) {
    const std::size_t bytes = bytes_of(item);
    std::unique_lock lock(mutex);
    complain(lock);
    // One item larger than the limit still gets in when the queue is empty.
    const auto room = [&] { return queued == 0 || queued + bytes <= limit || !error.empty(); };
    if (!room()) {
      ++waits;
      room_made.wait(lock, room);
      complain(lock);
    }
    queued += bytes;
    ++pushed;
    urgent = urgent || std::holds_alternative<AlertRow>(item);
    if (queue.empty()) oldest = Clock::now();
    queue.push_back(std::move(item));
    if (queue.size() == 1 || pressed()) work.notify_one();
  }

  void flush() {
    std::unique_lock lock(mutex);
    complain(lock);
    flush_wanted = pushed;
    work.notify_one();
    room_made.wait(lock, [&] { return committed >= flush_wanted || !error.empty(); });
    complain(lock);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      closing = true;
      work.notify_one();
    }
    if (thread.joinable()) thread.join();
  }

  void complain(std::unique_lock<std::mutex>&) const {
    if (!error.empty()) throw UserError(error);
    if (closing) throw std::logic_error("RunLog: used after close()");
  }

  void run() {
    try {
      write_until_closed();
      // SQLite folds the WAL into run.db when the last connection goes; a reader elsewhere may delay that.
    } catch (const sqlite::Error& e) {
      fail(trouble(directory, e).what());
    } catch (const UserError& e) {
      fail(e.what());
    } catch (const std::exception& e) {
      fail(fmt::format("the run log in {} could not be written: {}", directory, e.what()));
    }
  }

  void fail(const std::string& what) {
    const std::lock_guard lock(mutex);
    error = what;
    queue.clear();
    queued = 0;
    room_made.notify_all();
  }

  // A flush, a close, an alert or a queue that fills up.
  bool pressed() const { return closing || urgent || flush_wanted > committed || queued > limit / 4; }

  // Sleeps through almost a second of rows and writes them in one go: each wake-up takes a core, and what its caches
  // hold, from the training step. Writing them takes about as long as it took the last time.
  void write_until_closed() {
    std::unique_lock lock(mutex);
    double writing = 0;
    while (!closing || !queue.empty()) {
      work.wait(lock, [&] { return !queue.empty() || closing; });
      const std::chrono::duration<double> sleep(std::max(0.0, kOldest - 2 * writing - seconds_since(oldest)));
      work.wait_for(lock, sleep, [&] { return pressed(); });
      const std::deque<LogItem> batch = std::exchange(queue, {});
      const std::size_t bytes_of_batch = queued;
      urgent = false;
      lock.unlock();
      const auto start = Clock::now();
      if (!batch.empty()) {
        rows.write(batch);
        if (events) show(batch);
      }
      writing = seconds_since(start);
      lock.lock();
      queued -= bytes_of_batch;
      committed += long(batch.size());
      room_made.notify_all();
    }
  }

  void show(const std::deque<LogItem>& batch) {
    for (const LogItem& item : batch) {
      if (const auto* tensors = std::get_if<TensorRows>(&item)) events->tensors(tensors->rows);
      if (const auto* scalar = std::get_if<ScalarRow>(&item)) events->scalar(scalar->step, scalar->name, scalar->value);
      if (const auto* watch = std::get_if<WatchRows>(&item)) events->watch(watch->step, watch->quantity, *watch->stats);
      if (const auto* image = std::get_if<ImageRow>(&item)) events->image(*image);
    }
    events->flush();
  }

  const std::string directory;
  const int generation;
  const std::vector<TensorRow> known;  // what an earlier generation has registered
  const std::size_t limit;
  RowWriter rows;
  std::optional<TensorBoardLog> events;

  mutable std::mutex mutex;
  std::condition_variable work, room_made;
  std::deque<LogItem> queue;
  Clock::time_point oldest;  // when the first of the queue came
  std::size_t queued = 0;    // bytes, those being written included
  long pushed = 0, committed = 0, flush_wanted = 0, waits = 0;
  bool closing = false, urgent = false;
  std::string error;
  std::thread thread;
};

namespace {

sqlite::Database open_for_writing(const std::string& path, int flags) {
  sqlite::Database db(path, flags | SQLITE_OPEN_NOMUTEX);  // one thread at a time uses it
  db.execute("PRAGMA journal_mode = WAL");
  // A crash of the program loses nothing committed; a power cut may lose the last transactions, never the file.
  db.execute("PRAGMA synchronous = NORMAL");
  return db;
}

}  // namespace

RunLog::RunLog(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
RunLog::RunLog(RunLog&&) noexcept = default;
RunLog& RunLog::operator=(RunLog&&) noexcept = default;
RunLog::~RunLog() = default;

void RunLog::expect_none(const std::string& directory) {
  if (fs::exists(directory + "/run.db"))
    throw UserError(
        fmt::format("{} already holds a run; choose another --run-dir, or continue it with --resume", directory));
}

RunLog::RunLog(const std::string& directory, const Meta& meta, const RunLogOptions& options) {
  const std::string path = directory + "/run.db";
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed)
    throw UserError(
        fmt::format("the run directory {} cannot be made: {}; choose another --run-dir", directory, failed.message()));
  expect_none(directory);
  try {
    sqlite::Database db = open_for_writing(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    Meta all = {{"format_version", std::to_string(kLogFormatVersion)},
                {"bin_definition", std::to_string(kBinDefinition)},
                {"run_id", random_id()},
                {"host", host_name()}};
    all.insert(meta.begin(), meta.end());
    db.execute("BEGIN");
    db.execute(kSchema);
    sqlite::Statement add(db, "INSERT INTO meta VALUES (?, ?)");
    for (const auto& [key, value] : all) add.run(key, value);
    db.execute("COMMIT");
    writer_ = std::make_unique<Writer>(directory, std::move(db), 0, std::vector<TensorRow>{}, options);
  } catch (const sqlite::Error& e) {
    throw trouble(directory, e);
  }
}

RunLog RunLog::resume(const std::string& directory, long last_step, const RunLogOptions& options) {
  int generation = 0;
  std::vector<TensorRow> known;
  {
    const RunReader reader(directory);
    generation = reader.generations();
    known = reader.tensors();
  }
  try {
    sqlite::Database db = open_for_writing(directory + "/run.db", SQLITE_OPEN_READWRITE);
    // Committed before anything else: a reader never sees rows of a generation it does not know.
    sqlite::Statement(db, "INSERT INTO note VALUES (?, ?, ?, ?)")
        .run(last_step, "resume", fmt::format("continued after step {}", last_step), generation);
    return RunLog(std::make_unique<Writer>(directory, std::move(db), generation, std::move(known), options));
  } catch (const sqlite::Error& e) {
    throw trouble(directory, e);
  }
}

void RunLog::tensors(const std::vector<TensorRow>& tensors) {
  if (listener_) listener_->heard(tensors);
  if (writer_->known.empty()) return writer_->push(TensorRows{tensors});
  const auto& known = writer_->known;
  const auto same = [](const TensorRow& a, const TensorRow& b) { return a.name == b.name && a.shape == b.shape; };
  if (!std::equal(known.begin(), known.end(), tensors.begin(), tensors.end(), same))
    throw UserError(
        fmt::format("{} logs a model with other parameters ({} tensors there, {} here); resume it with the "
                    "options it was started with",
                    writer_->directory, known.size(), tensors.size()));
}

void RunLog::step(StepRow row) {
  if (row.wall_time == 0) row.wall_time = wall_time();
  if (listener_) listener_->heard(row);
  writer_->push(std::move(row));
}
void RunLog::watch(long step, Quantity quantity, std::vector<TensorStats> stats) {
  if (stats.empty()) return;
  auto shared = std::make_shared<const std::vector<TensorStats>>(std::move(stats));
  if (listener_) listener_->heard(step, quantity, shared);
  writer_->push(WatchRows{step, quantity, std::move(shared)});
}
void RunLog::scalar(long step, const std::string& name, double value) {
  if (listener_) listener_->heard(ScalarRow{step, name, value});
  writer_->push(ScalarRow{step, name, value});
}
void RunLog::image(long step, const std::string& name, int width, int height, std::vector<std::uint8_t> samples) {
  if (width < 0 || height < 0 || samples.size() != std::size_t(width) * std::size_t(height))
    throw std::invalid_argument(fmt::format("RunLog::image: {} has {} samples, but {} x {} are announced", name,
                                            samples.size(), width, height));
  writer_->push(ImageRow{step, name, width, height, std::move(samples)});
}
void RunLog::note(long step, const std::string& key, const std::string& value) {
  writer_->push(NoteRow{step, key, value});
}
void RunLog::alert(const AlertRow& row) {
  writer_->push(row);
}
void RunLog::listen(RunLogListener* listener) {
  listener_ = listener;
}
void RunLog::flush() {
  writer_->flush();
}
void RunLog::close() {
  writer_->stop();
  if (!writer_->error.empty()) throw UserError(writer_->error);
}
long RunLog::waits() const {
  const std::lock_guard lock(writer_->mutex);
  return writer_->waits;
}
double RunLog::writer_seconds() const {
  clockid_t clock;
  timespec spent;
  if (!writer_->thread.joinable() || pthread_getcpuclockid(writer_->thread.native_handle(), &clock) != 0 ||
      clock_gettime(clock, &spent) != 0)
    return 0;
  return double(spent.tv_sec) + 1e-9 * double(spent.tv_nsec);
}
int RunLog::generation() const {
  return writer_->generation;
}

}  // namespace heartbeat
