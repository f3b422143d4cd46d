#include "tools/log/tensorboard.h"

#include <fmt/format.h>
#include <png.h>
#include <unistd.h>

#include <tensorboard.pb.h>  // generated
#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <filesystem>

#include "graph/crc32c.h"
#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"
#include "tools/common/clock.h"

namespace heartbeat {
namespace {

constexpr long kSets = 100;  // of histograms: the view keeps 500, but a set of 200 tensors takes half a megabyte
constexpr double kSecondsBetweenSets = 10, kGrowth = 0.05;  // where the number of steps is unknown

template <class Integer>
void append_little_endian(std::string& bytes, Integer value) {
  for (std::size_t k = 0; k < sizeof(Integer); ++k) bytes.push_back(char(value >> (8 * k) & 0xff));
}

// The three bins around zero are one bucket.
constexpr int kCentre = kZeroBin - 1, kBuckets = kNanBin - 2;

// The outer buckets end at the extreme values; they are at least one float wide, also where that is the edge itself.
double low_limit(int bucket, const TensorStats& stats) {
  if (bucket == 0) return std::min(stats.min, std::nextafter(bin_high_edge(0), -INFINITY));
  return bin_low_edge(bucket <= kCentre ? bucket : bucket + 2);
}
double high_limit(int bucket, const TensorStats& stats) {
  if (bucket == kBuckets - 1) return std::max(stats.max, std::nextafter(bin_low_edge(kOverBin), INFINITY));
  return bin_high_edge(bucket < kCentre ? bucket : bucket + 2);
}

std::string png_of(const ImageRow& image) {
  std::vector<std::uint8_t> negative(image.samples.size());
  std::transform(image.samples.begin(), image.samples.end(), negative.begin(), [](auto s) { return 255 - s; });
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = png_uint_32(image.width);
  png.height = png_uint_32(image.height);
  png.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, 0);
  const bool written = png_image_write_to_memory(&png, bytes.data(), &size, false, negative.data(), 0, nullptr) != 0;
  bytes.resize(written ? size : 0);
  return bytes;
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

  std::array<std::uint64_t, kBuckets> counts;
  std::copy_n(stats.bins.begin(), kCentre, counts.begin());
  counts[kCentre] = stats.bins[kZeroBin - 1] + stats.bins[kZeroBin] + stats.bins[kZeroBin + 1];
  std::copy_n(stats.bins.begin() + kZeroBin + 2, kBuckets - kCentre - 1, counts.begin() + kCentre + 1);
  int first = 0, last = kBuckets - 1;
  while (counts[first] == 0) ++first;
  while (counts[last] == 0) --last;

  histogram.add_bucket_limit(low_limit(first, stats));
  histogram.add_bucket(0);
  for (int b = first; b <= last; ++b) {
    // A gap is one empty bucket: the same histogram in a third of the bytes.
    if (counts[b] == 0 && counts[b + 1] == 0) continue;
    histogram.add_bucket_limit(high_limit(b, stats));
    histogram.add_bucket(double(counts[b]));
  }
  return histogram;
}

EventWriter::EventWriter(const std::string& directory) : last_step_(LONG_MIN) {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) std::copy_n("unknown", 8, host);
  const double wall = wall_time();
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
  event.set_wall_time(wall_time());
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
  auto histogram = tensorboard_histogram(stats);
  if (!histogram) return;
  tensorboard::Event event;
  event.set_step(step);
  auto* entry = event.mutable_summary()->add_value();
  entry->set_tag(tag);
  *entry->mutable_histo() = std::move(*histogram);
  write(event);
}

void EventWriter::image(long step, const std::string& tag, int width, int height, const std::string& png) {
  tensorboard::Event event;
  event.set_step(step);
  auto* entry = event.mutable_summary()->add_value();
  entry->set_tag(tag);
  auto* image = entry->mutable_image();
  image->set_width(width);
  image->set_height(height);
  image->set_colorspace(1);  // grey
  image->set_encoded_image_string(png);
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
    if ((step - 1) % ((total_steps_ + kSets - 1) / kSets) != 0) return false;
  } else {
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (elapsed < due_seconds_) return false;
    due_seconds_ = elapsed + std::max(kSecondsBetweenSets, kGrowth * elapsed);
  }
  due_step_ = step;
  return true;
}

void TensorBoardLog::watch(long step, Quantity quantity, const std::vector<TensorStats>& stats) {
  const bool histograms = due(step);
  for (std::size_t k = 0; k < std::min(stats.size(), names_.size()); ++k) {
    const auto& bins = stats[k].bins;
    const auto infinite = bins[kPlusInfBin] + bins[kMinusInfBin];
    if (!histograms && !bins[kNanBin] && !infinite) continue;
    const std::string tag = std::string(name_of(quantity)) + "/" + names_[k];
    if (bins[kNanBin]) events_.scalar(step, "health/nan/" + tag, double(bins[kNanBin]));
    if (infinite) events_.scalar(step, "health/inf/" + tag, double(infinite));
    if (histograms) events_.histogram(step, tag, stats[k]);
  }
}

void TensorBoardLog::image(const ImageRow& image) {
  std::string png = png_of(image);
  std::string& last = pictures_[image.name];
  if (png.empty() || png == last) return;
  events_.image(image.step, image.name, image.width, image.height, png);
  last = std::move(png);
}

}  // namespace heartbeat
