// The run log: run.db inside a run directory, a SQLite file in WAL mode that any tool can read while it is written. The
// tables are in tools/log/schema.h.
//
// The trainer's calls only move their row into a queue; before a row is a second old a host thread encodes, inserts and
// commits what is there. A full queue makes the caller wait, and waits are counted. When the disk is full or broken,
// what is committed stays, and the next call (or close) throws one UserError. Calls are safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/log/rows.h"

namespace heartbeat {

struct RunLogOptions {
  bool tensorboard = true;  // write TensorBoard events beside the log
  long total_steps = 0;     // planned; 0 when unknown. Thins TensorBoard's histograms
  std::size_t queue_bytes = std::size_t(64) << 20;
};

// Hears every row that goes into a log, in the thread that logs it and before it is written.
class RunLogListener {
 public:
  virtual ~RunLogListener() = default;
  virtual void heard(const std::vector<TensorRow>& tensors) = 0;
  virtual void heard(const StepRow& row) = 0;
  virtual void heard(const ScalarRow& row) = 0;
  virtual void heard(long step, Quantity quantity, const std::shared_ptr<const std::vector<TensorStats>>& stats) = 0;
};

class RunLog {
 public:
  using Meta = std::map<std::string, std::string>;

  // Makes the directory and the log. meta: name, program, seed, preset, config (resolved TOML), ...; format version,
  // bin definition, run id and host are added. UserError where the directory already holds a run.
  RunLog(const std::string& directory, const Meta& meta, const RunLogOptions& options = {});
  // Throws that UserError.
  static void expect_none(const std::string& directory);
  // Continues the run after the checkpoint of last_step: older rows of later steps give way to the new ones.
  static RunLog resume(const std::string& directory, long last_step, const RunLogOptions& options = {});
  RunLog(RunLog&&) noexcept;
  RunLog& operator=(RunLog&&) noexcept;
  ~RunLog();  // closes; errors are lost, call close() to see them

  // Tensor k of every later watch() is tensors[k]. Once, before the first watch; on resume the list must be the same.
  void tensors(const std::vector<TensorRow>& tensors);
  void step(StepRow row);  // wall_time 0: now
  // Statistics of one quantity, one entry per tensor; an entry without elements (not watched, no gradient) leaves no
  // row. Moved, not copied.
  void watch(long step, Quantity quantity, std::vector<TensorStats> stats);
  void scalar(long step, const std::string& name, double value);
  void image(long step, const std::string& name, int width, int height, std::vector<std::uint8_t> samples);
  void note(long step, const std::string& key, const std::string& value);
  void alert(const AlertRow& row);  // committed at once

  void listen(RunLogListener* listener);  // one at a time; null: nobody. It must live until then

  void flush();  // returns when all rows so far are committed
  void close();  // flushes and ends the thread; later calls throw

  long waits() const;             // calls that found the queue full
  double writer_seconds() const;  // processor time of the host thread so far, 0 after close()
  int generation() const;

 private:
  struct Writer;
  explicit RunLog(std::unique_ptr<Writer> writer);
  std::unique_ptr<Writer> writer_;
  RunLogListener* listener_ = nullptr;
};

}  // namespace heartbeat
