// TensorBoard event files, written beside the run log: records of "u64 length, masked CRC, message, masked CRC" around
// the messages of tensorboard.proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/rows.h"

namespace heartbeat {

namespace tensorboard {
class Event;
class HistogramProto;
}  // namespace tensorboard

std::uint32_t masked_crc32c(std::string_view bytes);
std::string framed(std::string_view message);

// Bins as TensorBoard wants them; nothing where no value is finite. bucket_limit are right edges, so the first bucket
// is empty and carries the left edge; one bucket from -2^-40 to 2^-40; the outer bins end at min and max.
std::optional<tensorboard::HistogramProto> tensorboard_histogram(const TensorStats& stats);

// One event file. Steps never go back: a value of an earlier step than the last one is left out.
class EventWriter {
 public:
  // Makes directory/events.out.tfevents.<seconds>.<host>.<pid>.0; UserError where that fails.
  explicit EventWriter(const std::string& directory);

  void scalar(long step, const std::string& tag, double value);  // stored as float32
  void histogram(long step, const std::string& tag, const TensorStats& stats);
  void image(long step, const std::string& tag, int width, int height, const std::string& png);
  void flush();

 private:
  void write(tensorboard::Event& event);
  std::string path_;
  std::ofstream file_;
  long last_step_;
};

// What the run log passes on: every scalar, about a hundred sets of histograms, and pictures, dark where a map is
// certain; one that is as before, like the true map of a protein, once. The log itself has them all.
class TensorBoardLog {
 public:
  // total_steps 0: unknown; then a set every ten seconds, later one whenever the run has grown by a twentieth.
  TensorBoardLog(const std::string& directory, long total_steps) : events_(directory), total_steps_(total_steps) {}

  void tensors(const std::vector<TensorRow>& tensors);
  void scalar(long step, const std::string& name, double value) { events_.scalar(step, name, value); }
  void watch(long step, Quantity quantity, const std::vector<TensorStats>& stats);
  void image(const ImageRow& image);
  void flush() { events_.flush(); }

 private:
  bool due(long step);
  EventWriter events_;
  long total_steps_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> pictures_;  // PNG, the last one of each name
  long due_step_ = -1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double due_seconds_ = 0;
};

}  // namespace heartbeat
