// Rows of the run log into SQLite: the statements of the schema, used by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

#include "graph/sqlite.h"
#include "tools/log/rows.h"

namespace heartbeat {

// Statistics of one quantity at one step, one entry per tensor.
struct WatchRows {
  long step;
  Quantity quantity;
  std::shared_ptr<const std::vector<TensorStats>> stats;
};
struct TensorRows {
  std::vector<TensorRow> rows;
};
using LogItem = std::variant<TensorRows, StepRow, WatchRows, ScalarRow, ImageRow, NoteRow, AlertRow>;

class RowWriter {
 public:
  RowWriter(sqlite::Database database, int generation);
  void write(const std::deque<LogItem>& batch);  // as one transaction

 private:
  void insert(const TensorRows& tensors);
  void insert(const StepRow& row);
  void insert(const WatchRows& rows);
  void insert(const ScalarRow& row);
  void insert(const ImageRow& row);
  void insert(const NoteRow& row);
  void insert(const AlertRow& row);

  sqlite::Database db_;
  const int generation_;
  sqlite::Statement add_tensor_, add_step_, add_watch_, add_scalar_, add_image_, add_note_, add_alert_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace heartbeat
