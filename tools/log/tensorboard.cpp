#include "tools/log/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <tensorboard.pb.h>  // generated
#include <algorithm>
#include <climits>
#include <cmath>
#include <filesystem>

#include "graph/crc32c.h"
#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"

namespace heartbeat {
namespace {

constexpr long kHistogramsKept = 500;  // TensorBoard's reservoir for one tag
constexpr auto kHistogramsEvery = std::chrono::seconds(10);

template <class Integer>
void append_little_endian(std::string& bytes, Integer value) {
  for (std::size_t k = 0; k < sizeof(Integer); ++k) bytes.push_back(char(value >> (8 * k) & 0xff));
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t c = crc32c(bytes);
  return (c >> 15 | c << 17) + 0xa282ead8u;
}

std::string framed(std::string_view message) {
  std::string record;
  append_little_endian(record, std::uint64_t(message.size()));
  append_little_endian(record, masked_crc32c(record));
  record += message;
  append_little_endian(record, masked_crc32c(message));
  return record;
}

std::optional<tensorboard::HistogramProto> tensorboard_histogram(const TensorStats& stats) {
  if (stats.finite() == 0) return std::nullopt;
  tensorboard::HistogramProto histogram;
  histogram.set_min(stats.min);
  histogram.set_max(stats.max);
  histogram.set_num(double(stats.finite()));
  histogram.set_sum(stats.sum);
  histogram.set_sum_squares(stats.sum_of_squares);

  struct Bucket {
    double low, high;
    std::uint64_t count;
  };
  std::vector<Bucket> buckets;
  for (int index = 0; index < kNanBin; ++index) {
    double low = bin_low_edge(index), high = bin_high_edge(index);
    // At least one float wide, also where the extreme value is the edge itself.
    if (index == 0) low = std::min(stats.min, std::nextafter(high, -INFINITY));
    if (index == kNanBin - 1) high = std::max(stats.max, std::nextafter(low, INFINITY));
    if (index == kZeroBin || index == kZeroBin + 1) {
      buckets.back().high = high;
      buckets.back().count += stats.bins[index];
    } else {
      buckets.push_back({low, high, stats.bins[index]});
    }
  }
  const auto filled = [](const Bucket& b) { return b.count > 0; };
  const auto first = std::find_if(buckets.begin(), buckets.end(), filled);
  const auto end = std::find_if(buckets.rbegin(), buckets.rend(), filled).base();
  histogram.add_bucket_limit(first->low);
  histogram.add_bucket(0);
  for (auto b = first; b != end; ++b) {
    // A gap is one empty bucket: the same histogram in a third of the bytes.
    if (b->count == 0 && b[1].count == 0) continue;
    histogram.add_bucket_limit(b->high);
    histogram.add_bucket(double(b->count));
  }
  return histogram;
}

EventWriter::EventWriter(const std::string& directory) : last_step_(LONG_MIN) {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) std::copy_n("unknown", 8, host);
  const double wall = now();
  path_ = fmt::format("{}/events.out.tfevents.{:010}.{}.{}.0", directory, long(wall), host, getpid());
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  file_.open(path_, std::ios::binary | std::ios::trunc);
  tensorboard::Event event;
  event.set_wall_time(wall);
  event.set_file_version("brain.Event:2");
  file_ << framed(event.SerializeAsString());
  flush();
}

void EventWriter::write(tensorboard::Event& event) {
  if (event.step() < last_step_) return;
  last_step_ = event.step();
  event.set_wall_time(now());
  file_ << framed(event.SerializeAsString());
}

void EventWriter::scalar(long step, const std::string& tag, double value) {
  tensorboard::Event event;
  event.set_step(step);
  auto* entry = event.mutable_summary()->add_value();
  entry->set_tag(tag);
  entry->set_simple_value(float(value));
  write(event);
}

void EventWriter::histogram(long step, const std::string& tag, const TensorStats& stats) {
  const auto histogram = tensorboard_histogram(stats);
  if (!histogram) return;
  tensorboard::Event event;
  event.set_step(step);
  auto* entry = event.mutable_summary()->add_value();
  entry->set_tag(tag);
  *entry->mutable_histo() = *histogram;
  write(event);
}

void EventWriter::flush() {
  if (!file_.flush())
    throw UserError(fmt::format("{} could not be written; free disk space, then continue with --resume", path_));
}

void TensorBoardLog::tensors(const std::vector<TensorRow>& tensors) {
  names_.clear();
  for (const TensorRow& t : tensors) names_.push_back(t.name);
}

bool TensorBoardLog::due(long step) {
  if (step == due_step_) return true;  // the other quantities of a step that was due
  if (total_steps_ > 0) {
    if ((step - 1) % ((total_steps_ + kHistogramsKept - 1) / kHistogramsKept) != 0) return false;
  } else {
    const auto time = std::chrono::steady_clock::now();
    if (due_step_ >= 0 && time - last_time_ < kHistogramsEvery) return false;
    last_time_ = time;
  }
  due_step_ = step;
  return true;
}

void TensorBoardLog::watch(long step, Quantity quantity, const std::vector<TensorStats>& stats) {
  const bool histograms = due(step);
  for (std::size_t k = 0; k < std::min(stats.size(), names_.size()); ++k) {
    const std::string tag = std::string(name_of(quantity)) + "/" + names_[k];
    const auto& bins = stats[k].bins;
    if (bins[kNanBin]) events_.scalar(step, "health/nan/" + tag, double(bins[kNanBin]));
    if (const auto infinite = bins[kPlusInfBin] + bins[kMinusInfBin])
      events_.scalar(step, "health/inf/" + tag, double(infinite));
    if (histograms) events_.histogram(step, tag, stats[k]);
  }
}

}  // namespace heartbeat
