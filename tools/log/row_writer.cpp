#include "tools/log/row_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "tools/log/bins.h"

namespace heartbeat {
namespace {

// SQLite has no NaN; infinities would break readers that speak JSON.
std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

int class_of(double value) {
  return std::isfinite(value) ? 0 : std::isnan(value) ? 1 : value > 0 ? 2 : 3;
}

std::string json_list(const std::vector<double>& values) {
  std::string list;
  for (double v : values)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", std::isfinite(v) ? fmt::format("{}", v) : "null");
  return "[" + list + "]";
}

std::string json_list(const std::vector<long>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string module_of(const TensorRow& tensor) {
  const auto dot = tensor.name.rfind('.');
  return !tensor.module.empty() ? tensor.module : dot == std::string::npos ? "" : tensor.name.substr(0, dot);
}

}  // namespace

RowWriter::RowWriter(sqlite::Database database, int generation)
    : db_(std::move(database)),
      generation_(generation),
      add_tensor_(db_, "INSERT INTO tensor VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      add_step_(db_, "INSERT INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      add_watch_(db_, "INSERT INTO watch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      add_scalar_(db_, "INSERT INTO scalar VALUES (?, ?, ?, ?, ?)"),
      add_image_(db_, "INSERT INTO image VALUES (?, ?, ?, ?, ?, ?)"),
      add_note_(db_, "INSERT INTO note VALUES (?, ?, ?, ?)"),
      add_alert_(db_, "INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

void RowWriter::write(const std::deque<LogItem>& batch) {
  db_.execute("BEGIN");
  for (const LogItem& item : batch) std::visit([&](const auto& row) { insert(row); }, item);
  db_.execute("COMMIT");
}

void RowWriter::insert(const TensorRows& tensors) {
  for (const TensorRow& t : tensors.rows)
    add_tensor_.run(&t - tensors.rows.data(), t.name, json_list(t.shape), t.dtype, t.aliases, int(t.trainable), t.group,
                    module_of(t));
}
void RowWriter::insert(const StepRow& s) {
  add_step_.run(s.step, s.wall_time, finite(s.epoch), json_list(s.learning_rates), finite(s.clip_factor),
                finite(s.loss_scale), int(s.skipped), generation_);
}
void RowWriter::insert(const WatchRows& w) {
  for (std::size_t tensor = 0; tensor < w.stats->size(); ++tensor) {
    const TensorStats& s = (*w.stats)[tensor];
    const std::uint64_t count = s.count(), nan = s.bins[kNanBin], pinf = s.bins[kPlusInfBin],
                        ninf = s.bins[kMinusInfBin];
    if (count == 0) continue;
    const bool any = count > nan + pinf + ninf;
    const auto if_any = [&](double v) { return any ? finite(v) : std::nullopt; };
    encode_bins(s, bytes_);
    add_watch_.run(w.step, w.step, tensor, int(w.quantity), count, if_any(s.min), if_any(s.max), if_any(s.sum),
                   if_any(s.sum_of_squares), if_any(s.abs_sum), s.bins[kZeroBin], nan, pinf, ninf,
                   std::span<const std::uint8_t>(bytes_), generation_);
  }
}
void RowWriter::insert(const ScalarRow& s) {
  add_scalar_.run(s.step, s.name, finite(s.value), class_of(s.value), generation_);
}
void RowWriter::insert(const ImageRow& i) {
  add_image_.run(i.step, i.name, i.width, i.height, std::span<const std::uint8_t>(i.samples), generation_);
}
void RowWriter::insert(const NoteRow& n) {
  add_note_.run(n.step, n.key, n.value, generation_);
}
void RowWriter::insert(const AlertRow& a) {
  add_alert_.run(a.rule, a.severity, a.tensor, a.first_step, a.step, finite(a.value), finite(a.limit), a.text, a.fixes,
                 generation_);
}

}  // namespace heartbeat
