#include <fmt/format.h>
#include <zlib.h>

#include <filesystem>

#include "graph/counter_random.h"
#include "graph/file_bytes.h"
#include "kernels/common/error.h"
#include "tools/mnist/digits.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;

// An IDX file: two zero bytes, the element type (8: bytes), the number of axes, their lengths, the elements; all
// numbers big-endian.
constexpr std::uint32_t kImages = 0x00000803, kLabels = 0x00000801;

const char* name_of_magic(std::uint32_t magic) {
  return magic == kImages ? "images" : "labels";
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t n = 0;
  for (std::size_t k = 0; k < 4; ++k) n = n << 8 | std::uint8_t(bytes[at + k]);
  return n;
}

std::string find_file(const std::string& folder, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (const std::string path = folder + "/" + name + ending; fs::is_regular_file(path)) return path;
  throw UserError(
      fmt::format("{} has no {}, plain or .gz; it needs the four files of MNIST, which tools/fetch_data.sh mnist gets",
                  folder, name));
}

struct IdxFile {
  std::string path;
  std::vector<std::uint32_t> lengths;  // of the axes; the first is the number of items
  std::vector<std::uint8_t> elements;
};

IdxFile read_idx(const std::string& folder, const std::string& name, std::uint32_t magic) {
  IdxFile file{find_file(folder, name), {}, {}};
  const std::string bytes = read_whole_file(file.path);
  const auto refuse = [&](const std::string& what) { throw UserError(file.path + ": " + what); };
  if (bytes.size() < 4) refuse(fmt::format("has {} bytes and is no IDX file", bytes.size()));
  const std::uint32_t found = number_at(bytes, 0);
  if (found != magic && (found == kImages || found == kLabels))
    refuse(fmt::format("holds {}, but {} are expected under this name; are the two files swapped?",
                       name_of_magic(found), name_of_magic(magic)));
  if (found != magic)
    refuse(fmt::format("begins with the number {}, but a file of {} begins with {}; give MNIST's own file", found,
                       name_of_magic(magic), magic));
  const std::size_t axes = magic & 0xff, header = 4 + 4 * axes;
  if (bytes.size() < header) refuse("ends within its header; it is cut off");
  double promised = 1;  // in double: three lengths of 32 bits may not fit into an integer
  for (std::size_t k = 0; k < axes; ++k) {
    file.lengths.push_back(number_at(bytes, 4 + 4 * k));
    promised *= file.lengths.back();
  }
  promised += double(header);
  if (double(bytes.size()) != promised)
    refuse(
        fmt::format("has {} bytes, but its header promises {:.0f}; it is cut off or damaged", bytes.size(), promised));
  file.elements.assign(bytes.begin() + long(header), bytes.end());
  return file;
}

DigitSet read_set(const std::string& folder, const std::string& stem) {
  IdxFile images = read_idx(folder, stem + "-images-idx3-ubyte", kImages);
  IdxFile labels = read_idx(folder, stem + "-labels-idx1-ubyte", kLabels);
  if (images.lengths[0] != labels.lengths[0])
    throw UserError(fmt::format("{} holds {} images, but {} holds {} labels; they do not belong together", images.path,
                                images.lengths[0], labels.path, labels.lengths[0]));
  if (images.lengths[0] == 0) throw UserError(images.path + ": holds no images; give a file with at least one");
  if (images.lengths[1] != kDigitSide || images.lengths[2] != kDigitSide)
    throw UserError(fmt::format("{}: holds images of {} x {} pixels, but 28 x 28 are needed", images.path,
                                images.lengths[1], images.lengths[2]));
  for (std::size_t k = 0; k < labels.elements.size(); ++k)
    if (labels.elements[k] >= kDigitClasses)
      throw UserError(fmt::format("{}: label {} of image {} is above 9; the file is damaged or of another data set",
                                  labels.path, labels.elements[k], k));
  return {std::move(images.elements), std::move(labels.elements)};
}

void write_idx(const std::string& path, std::initializer_list<std::uint32_t> header,
               const std::vector<std::uint8_t>& elements) {
  std::string bytes;
  for (const std::uint32_t n : header)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += char(n >> shift & 0xff);
  bytes.append(elements.begin(), elements.end());
  const gzFile file = gzopen(path.c_str(), "wb1");
  const bool written = file && gzwrite(file, bytes.data(), unsigned(bytes.size())) == int(bytes.size());
  if ((file && gzclose(file) != Z_OK) || !written)
    throw UserError("cannot write " + path + "; check the folder's permissions and the room on its disk");
}

}  // namespace

Digits read_digits(const std::string& folder) {
  if (!fs::is_directory(folder))
    throw UserError(folder + " is no folder; give the one that holds the four files of MNIST, or --data synthetic");
  return {read_set(folder, "train"), read_set(folder, "t10k")};
}

void write_digits(const std::string& folder, const Digits& digits) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw UserError(fmt::format("the folder {} cannot be made: {}", folder, error.message()));
  for (const auto& [stem, set] : {std::pair("train", &digits.train), {"t10k", &digits.test}}) {
    const std::uint32_t count = std::uint32_t(set->count());
    write_idx(fmt::format("{}/{}-images-idx3-ubyte.gz", folder, stem), {kImages, count, kDigitSide, kDigitSide},
              set->pixels);
    write_idx(fmt::format("{}/{}-labels-idx1-ubyte.gz", folder, stem), {kLabels, count}, set->labels);
  }
}

std::string fingerprint_of(const Digits& digits) {
  std::uint64_t hash = 0;
  for (const auto* bytes : {&digits.train.pixels, &digits.train.labels, &digits.test.pixels, &digits.test.labels})
    hash = 31 * hash + hash_of({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  return fmt::format("{:016x}", hash);
}

DigitBatch digit_batch(const DigitSet& set, const long* chosen, long n) {
  constexpr float kMean = 0.1307f, kDeviation = 0.3081f;
  Tensor images({n, 1, kDigitSide, kDigitSide});
  std::vector<int> labels(n);
  for (long i = 0; i < n; ++i) {
    const std::uint8_t* from = set.pixels.data() + chosen[i] * kDigitPixels;
    float* to = images.data<float>() + i * kDigitPixels;
#pragma omp simd
    for (long k = 0; k < kDigitPixels; ++k) to[k] = (float(from[k]) / 255 - kMean) / kDeviation;
    labels[i] = set.labels[chosen[i]];
  }
  return {images, std::make_shared<const std::vector<int>>(std::move(labels))};
}

}  // namespace heartbeat
