#include "tools/log/tensorboard.h"

#include <cairo.h>
#include <gtest/gtest.h>
#include <tensorboard.pb.h>

#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "graph/crc32c.h"
#include "tests/support/fake_run.h"
#include "tools/log/run_reader.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

std::string hex(const std::string& bytes) {
  std::string text;
  for (unsigned char c : bytes) {
    text += "0123456789abcdef"[c >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

tensorboard::Event event_at(double wall, long step) {
  tensorboard::Event event;
  event.set_wall_time(wall);
  event.set_step(step);
  return event;
}

TEST(TensorBoard, ChecksumIsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(masked_crc32c("123456789"), 0xc78ab0e5u);
}

TEST(TensorBoard, GoldenHeader) {
  auto event = event_at(1, 0);
  event.set_file_version("brain.Event:2");
  EXPECT_EQ(hex(framed(event.SerializeAsString())),
            "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
}

TEST(TensorBoard, GoldenScalar) {
  auto event = event_at(2, 7);
  auto* value = event.mutable_summary()->add_value();
  value->set_tag("loss");
  value->set_simple_value(0.5f);
  EXPECT_EQ(hex(framed(event.SerializeAsString())),
            "1a00000000000000129bd82d09000000000000004010072a0d0a0b0a046c6f7373150000003fc33fc24a");
}

TEST(TensorBoard, GoldenHistogram) {
  auto event = event_at(3, 7);
  auto* value = event.mutable_summary()->add_value();
  value->set_tag("gradients/w");
  auto* histogram = value->mutable_histo();
  histogram->set_min(-1), histogram->set_max(1), histogram->set_num(4);
  histogram->set_sum(0.5), histogram->set_sum_squares(2.5);
  for (double limit : {-1, 0, 1}) histogram->add_bucket_limit(limit);
  for (double count : {0, 2, 2}) histogram->add_bucket(count);
  EXPECT_EQ(hex(framed(event.SerializeAsString())),
            "7f0000000000000050391acb09000000000000084010072a720a700a0b6772616469656e74732f772a6109000000000000f0bf11"
            "000000000000f03f19000000000000104021000000000000e03f2900000000000004403218000000000000f0bf00000000000000"
            "00000000000000f03f3a18000000000000000000000000000000400000000000000040e67bf895");
}

TEST(TensorBoard, GoldenTensorForm) {
  auto event = event_at(3, 7);
  auto* value = event.mutable_summary()->add_value();
  value->set_tag("gradients/w");
  auto* tensor = value->mutable_tensor();
  tensor->set_dtype(2);
  tensor->mutable_tensor_shape()->add_dim()->set_size(2);
  tensor->mutable_tensor_shape()->add_dim()->set_size(3);
  const double rows[] = {-1, 0, 2, 0, 1, 2};
  tensor->set_tensor_content(rows, sizeof rows);
  value->mutable_metadata()->mutable_plugin_data()->set_plugin_name("histograms");
  value->mutable_metadata()->set_data_class(2);
  const std::string message = event.SerializeAsString();
  EXPECT_EQ(hex(framed(message)),
            "6e00000000000000c4bf336409000000000000084010072a610a5f0a0b6772616469656e74732f77423e08021208120208021202"
            "08032230000000000000f0bf000000000000000000000000000000400000000000000000000000000000f03f0000000000000040"
            "4a100a0c0a0a686973746f6772616d7320021aa0bab8");
}

// A decoder that shares nothing with the writer: own CRC, own wire format.
std::uint32_t crc_bit_by_bit(const std::string& bytes) {
  std::uint32_t c = ~0u;
  for (unsigned char byte : bytes) {
    c ^= byte;
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0x82F63B78u : c >> 1;
  }
  c = ~c;
  return ((c >> 15) | (c << 17)) + 0xa282ead8u;
}

struct Field {
  int number, type;
  std::uint64_t integer;
  std::string bytes;
  double real() const {
    double v;
    std::memcpy(&v, bytes.data(), 8);
    return v;
  }
};

std::vector<Field> fields_of(const std::string& message) {
  std::vector<Field> fields;
  size_t at = 0;
  const auto varint = [&] {
    std::uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      const unsigned char c = message.at(at++);
      v |= std::uint64_t(c & 0x7f) << shift;
      if (c < 0x80) return v;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Field f{int(key >> 3), int(key & 7), 0, ""};
    size_t length = f.type == 1 ? 8 : f.type == 5 ? 4 : 0;
    if (f.type == 0) f.integer = varint();
    if (f.type == 2) length = varint();
    f.bytes = message.substr(at, length);
    EXPECT_EQ(f.bytes.size(), length);
    at += length;
    fields.push_back(f);
  }
  return fields;
}

std::vector<double> doubles(const std::string& bytes) {
  std::vector<double> values(bytes.size() / 8);
  std::memcpy(values.data(), bytes.data(), values.size() * 8);
  return values;
}

struct Decoded {
  double wall = 0;
  long step = 0;
  std::string version, tag;
  bool has_metadata = false;
  std::optional<float> scalar;
  std::map<int, double> histogram;  // by field number, 1..5
  std::vector<double> limits, counts;
  std::map<int, long> image;  // by field number, 1..3
  std::string png;
};

std::vector<Decoded> decode(const std::string& file) {
  std::vector<Decoded> events;
  for (size_t at = 0; at < file.size();) {
    std::uint64_t length;
    std::uint32_t crc;
    std::memcpy(&length, &file.at(at), 8);
    std::memcpy(&crc, &file.at(at + 8), 4);
    EXPECT_EQ(crc, crc_bit_by_bit(file.substr(at, 8)));
    const std::string message = file.substr(at + 12, length);
    std::memcpy(&crc, &file.at(at + 12 + length), 4);
    EXPECT_EQ(crc, crc_bit_by_bit(message));
    at += 16 + length;
    Decoded d;
    for (const Field& f : fields_of(message)) {
      if (f.number == 1) d.wall = f.real();
      if (f.number == 2) d.step = long(f.integer);
      if (f.number == 3) d.version = f.bytes;
      if (f.number != 5) continue;
      for (const Field& value : fields_of(f.bytes))
        for (const Field& v : fields_of(value.bytes)) {
          if (v.number == 1) d.tag = v.bytes;
          if (v.number == 9) d.has_metadata = true;
          if (v.number == 2) {
            float x;
            std::memcpy(&x, v.bytes.data(), 4);
            d.scalar = x;
          }
          if (v.number == 4)
            for (const Field& i : fields_of(v.bytes)) {
              if (i.number <= 3) d.image[i.number] = long(i.integer);
              if (i.number == 4) d.png = i.bytes;
            }
          if (v.number == 5)
            for (const Field& h : fields_of(v.bytes)) {
              if (h.number <= 5) d.histogram[h.number] = h.real();
              if (h.number == 6) d.limits = doubles(h.bytes);
              if (h.number == 7) d.counts = doubles(h.bytes);
            }
        }
    }
    events.push_back(d);
  }
  return events;
}

std::string event_file(const std::string& directory) {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) == 0) {
      EXPECT_EQ(found, "") << "two event files in one directory";
      found = entry.path().string();
    }
  return found;
}

TEST(TensorBoard, FileObeysTheRules) {
  const ScratchDirectory scratch;
  const std::string dir = scratch / "run";
  write_fake_run(dir, {.steps = 60, .blocks = 0, .tensorboard = true});
  const std::string path = event_file(dir);
  const std::string name = std::filesystem::path(path).filename().string();
  EXPECT_EQ(name.find_first_not_of("0123456789", 20), 30u) << name;  // ten digits of seconds
  EXPECT_EQ(name.substr(name.size() - 2), ".0");

  const auto events = decode(read_bytes(path));
  ASSERT_GT(events.size(), 100u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  long last = 0, nan_counts = 0, histograms = 0;
  bool fraction = false;
  for (size_t k = 1; k < events.size(); ++k) {
    const Decoded& e = events[k];
    EXPECT_GE(e.step, last);
    last = e.step;
    EXPECT_FALSE(e.has_metadata);
    fraction = fraction || e.wall != std::floor(e.wall);
    nan_counts += e.tag.rfind("health/nan/gradients/", 0) == 0 && e.step == 36 && *e.scalar > 0;
    if (e.limits.empty()) {
      EXPECT_TRUE(e.scalar || !e.png.empty()) << e.tag;
      continue;
    }
    ++histograms;
    ASSERT_EQ(e.limits.size(), e.counts.size());
    EXPECT_EQ(e.counts.front(), 0);
    EXPECT_GT(e.counts[1], 0);
    EXPECT_GT(e.counts.back(), 0);
    double sum = 0;
    for (double c : e.counts) sum += c;
    EXPECT_EQ(sum, e.histogram.at(3));
    EXPECT_TRUE(std::is_sorted(e.limits.begin(), e.limits.end(), std::less_equal<>()));
    for (double limit : e.limits) EXPECT_TRUE(std::isfinite(limit));
  }
  EXPECT_TRUE(fraction);
  EXPECT_EQ(nan_counts, 1);
  std::multiset<std::tuple<std::string, long, float>> want, got;
  for (const ScalarRow& s : RunReader(dir).scalars())
    if (s.step > 0 && std::isfinite(s.value)) want.emplace(s.name, s.step, float(s.value));
  for (const Decoded& e : events)
    if (e.scalar && std::isfinite(*e.scalar) && e.tag.rfind("health/", 0) != 0) got.emplace(e.tag, e.step, *e.scalar);
  EXPECT_EQ(got, want);
  EXPECT_GT(want.size(), 60u);
  EXPECT_EQ(histograms, 60 * 3 * 4 - 1);  // all but the tensor that was NaN altogether
}

TEST(TensorBoard, ALongRunLeavesAboutAHundredSetsOfHistograms) {
  const ScratchDirectory scratch;
  {
    TensorBoardLog log(scratch / "run", 28'140);
    log.tensors({{"w", {1}}});
    for (long step = 1; step <= 28'140; ++step)
      log.watch(step, Quantity::gradient, {stats_of(std::vector<double>{1.0})});
    log.flush();
  }
  const auto events = decode(read_bytes(event_file(scratch / "run")));
  EXPECT_GT(events.size(), 90u);
  EXPECT_LE(events.size() - 1, 100u);
}

TEST(TensorBoard, StepsNeverGoBackAndAResumeHasItsOwnDirectory) {
  const ScratchDirectory scratch;
  {
    EventWriter writer(scratch / "run");
    writer.scalar(5, "a", 1);
    writer.scalar(4, "a", 2);
    writer.scalar(5, "a", 0);  // zero is a value, too
    writer.flush();
  }
  const auto events = decode(read_bytes(event_file(scratch / "run")));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].scalar, 0.0f);
  RunLog(scratch / "log", {}).close();
  RunLog::resume(scratch / "log", 0).close();
  EXPECT_NE(event_file(scratch / "log/resume-1"), "");
}

// Reads a grey PNG back, with the library that wrote it but another of its doors.
std::vector<std::uint8_t> samples_of(const std::string& png, int width, int height) {
  struct Reading {
    const std::string& bytes;
    size_t at = 0;
  } reading{png};
  cairo_surface_t* surface = cairo_image_surface_create_from_png_stream(
      [](void* from, unsigned char* to, unsigned n) {
        auto& r = *static_cast<Reading*>(from);
        if (r.at + n > r.bytes.size()) return CAIRO_STATUS_READ_ERROR;
        std::memcpy(to, r.bytes.data() + r.at, n);
        r.at += n;
        return CAIRO_STATUS_SUCCESS;
      },
      &reading);
  EXPECT_EQ(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
  EXPECT_EQ(cairo_image_surface_get_width(surface), width);
  EXPECT_EQ(cairo_image_surface_get_height(surface), height);
  std::vector<std::uint8_t> samples;
  for (int y = 0; y < height; ++y)  // four bytes to a pixel, grey in each of the first three
    for (int x = 0; x < width; ++x)
      samples.push_back(cairo_image_surface_get_data(surface)[y * cairo_image_surface_get_stride(surface) + 4 * x]);
  cairo_surface_destroy(surface);
  return samples;
}

TEST(TensorBoard, PicturesAreTheMapsDarkOnWhiteAndEachOnce) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 60, .blocks = 0, .tensorboard = true});
  std::map<std::pair<std::string, long>, Decoded> pictures;
  for (const Decoded& e : decode(read_bytes(event_file(scratch / "run"))))
    if (!e.png.empty()) pictures[{e.tag, e.step}] = e;
  const RunReader run(scratch / "run");
  size_t of_truth = 0;
  for (const ImageHandle& image : run.images()) {
    const auto found = pictures.find({image.name, image.step});
    if (found == pictures.end()) {
      EXPECT_TRUE(image.name.ends_with("/true") && image.step == 60) << image.name << image.step;
      continue;
    }
    of_truth += image.name.ends_with("/true");
    const Decoded& e = found->second;
    EXPECT_EQ(e.image, (std::map<int, long>{{1, image.height}, {2, image.width}, {3, 1}}));
    auto want = run.samples(image);
    for (auto& sample : want) sample = std::uint8_t(255 - sample);
    EXPECT_EQ(samples_of(e.png, image.width, image.height), want);
  }
  EXPECT_EQ(pictures.size(), 4u * 2 + 4);  // predicted at steps 50 and 60, true at the first of them
  EXPECT_EQ(of_truth, 4u);
}

TEST(TensorBoard, HistogramEdges) {
  EXPECT_FALSE(tensorboard_histogram(stats_of(std::vector<double>{})));
  EXPECT_FALSE(tensorboard_histogram(stats_of(std::vector<double>{NAN, INFINITY})));
  const auto zero = tensorboard_histogram(stats_of(std::vector<double>{0, -0.0, 1e-300, -1e-300, NAN}));
  ASSERT_EQ(zero->bucket_size(), 2);
  EXPECT_EQ(zero->bucket_limit(0), -0x1p-40);
  EXPECT_EQ(zero->bucket_limit(1), 0x1p-40);
  EXPECT_EQ(zero->bucket(1), 4);
  const auto wide = tensorboard_histogram(stats_of(std::vector<double>{-1e30, -0x1p24, 0x1p24, 1e30}));
  EXPECT_EQ(wide->bucket_limit(0), -1e30);
  EXPECT_EQ(wide->bucket(1), 2);
  EXPECT_EQ(wide->bucket_limit(wide->bucket_limit_size() - 1), 1e30);
  const auto edge = tensorboard_histogram(stats_of(std::vector<double>{-0x1p24}));
  EXPECT_LT(edge->bucket_limit(0), edge->bucket_limit(1));
}

}  // namespace
}  // namespace heartbeat
