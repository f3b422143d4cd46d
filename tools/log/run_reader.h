// Reads a run log, also while it is written: one consistent snapshot from the moment of opening. Rows that a resumed
// run has replaced are left out. Any damage is one UserError.
#pragma once

#include <climits>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "graph/sqlite.h"
#include "tools/log/rows.h"

namespace heartbeat {

struct StepRange {
  long first = LONG_MIN, last = LONG_MAX;  // closed
  bool contains(long step) const { return first <= step && step <= last; }
};

struct ImageHandle {
  long step, id;
  std::string name;
  int width, height;
};

class RunReader {
 public:
  explicit RunReader(const std::string& directory);

  const std::string& directory() const { return directory_; }
  const std::map<std::string, std::string>& meta() const { return meta_; }
  const std::vector<TensorRow>& tensors() const { return tensors_; }
  int generations() const { return int(resumed_after_.size()); }  // 1: never resumed

  // All in ascending order of steps.
  std::vector<StepRow> steps(StepRange range = {}) const;
  std::vector<ScalarRow> scalars(StepRange range = {}) const;  // then by name
  std::vector<AlertRow> alerts(StepRange range = {}) const;
  std::vector<NoteRow> notes(StepRange range = {}) const;
  std::vector<ImageHandle> images(StepRange range = {}) const;  // then by name
  std::vector<std::uint8_t> samples(const ImageHandle& image) const;
  // Row by row, since histograms of a long run do not fit into memory.
  void watch(StepRange range, const std::function<void(const WatchRow&)>& visit) const;
  std::map<long, long> watched_steps() const;  // first step of each row to the greatest last step, without decoding

  // For readers that follow a run. release() ends the snapshot, so that the writer can tidy its files up; refresh()
  // takes the next one.
  void refresh();
  void release();
  // Rows behind row number `after` (0: all), in the order of writing: a resumed run goes back to its checkpoint and
  // repeats steps. Return the number of the last row that was read.
  long steps_after(long after, const std::function<void(const StepRow&)>& visit) const;
  long scalars_after(long after, const std::function<void(const ScalarRow&)>& visit) const;
  long watch_after(long after, const std::function<void(const WatchRow&)>& visit) const;
  long last_row(const std::string& table) const;  // 0: none

 private:
  sqlite::Statement prepare(const std::string& sql) const;
  void read_meta();
  void read_tensors();
  void read_generations();
  std::vector<long> limits(const std::string& table) const;
  // Calls visit for the rows of a table that no later generation has replaced.
  void rows(const std::string& table, const std::string& columns, StepRange range,
            const std::function<void(sqlite::Statement&)>& visit) const;
  long rows_after(const std::string& table, const std::string& columns, long after,
                  const std::function<void(sqlite::Statement&)>& visit) const;
  bool counts(const sqlite::Statement& s, const std::vector<long>& limit) const;
  void read_watch(const sqlite::Statement& s, WatchRow& row) const;
  [[noreturn]] void damaged(const std::string& cause) const;

  std::string directory_;
  mutable sqlite::Database db_;
  std::map<std::string, std::string> meta_;
  std::vector<TensorRow> tensors_;
  std::vector<long> resumed_after_;  // [generation]; the first is LONG_MIN
};

}  // namespace heartbeat
