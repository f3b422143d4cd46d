#include "nn/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/common/error.h"

namespace heartbeat::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

constexpr std::uint64_t kLargestHeader = 100'000'000;  // the limit of the reference implementation

const char* bytes_of(const Tensor& t) {  // of a tensor on the CPU
  return t.dtype() == Dtype::f32 ? reinterpret_cast<const char*>(t.data<float>())
                                 : reinterpret_cast<const char*>(t.data<double>());
}
std::uint64_t size_of(const Tensor& t) {
  return std::uint64_t(t.numel()) * heartbeat::size_of(t.dtype());
}

// A file that vanishes unless it is kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : target_(target), path_(target.string() + ".partial-" + std::to_string(getpid())) {
    file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file_ < 0) fail();
  }
  ~TemporaryFile() {
    if (file_ >= 0) close(file_);
    if (!kept_) unlink(path_.c_str());
  }

  void write(const char* data, std::uint64_t size) {
    while (size > 0) {
      const ssize_t n = ::write(file_, data, std::min<std::uint64_t>(size, 1 << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail();
      data += n;
      size -= std::uint64_t(n);
    }
  }

  // From here on the target is this file, even if the machine stops.
  void keep() {
    if (fsync(file_) != 0) fail();
    const int file = std::exchange(file_, -1);
    if (close(file) != 0) fail();
    if (rename(path_.c_str(), target_.c_str()) != 0) fail();
    kept_ = true;
    const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    if (const int f = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); f >= 0) {
      fsync(f);  // some file systems cannot; the file itself is safe
      close(f);
    }
  }

 private:
  [[noreturn]] void fail() const {
    const int error = errno;
    std::string advice = "choose a folder that exists and can be written";
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) advice = "free space or choose a folder on another disk";
    throw UserError("checkpoint " + target_.string() + " was not saved (" + std::strerror(error) + "): " + advice +
                    "; an earlier checkpoint of this name is untouched");
  }

  fs::path target_, path_;
  int file_ = -1;
  bool kept_ = false;
};

// What the header says of one tensor, checked.
struct Span {
  std::string name;
  Dtype dtype;
  Shape shape;
  std::uint64_t first, last;
};

class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path) {
    std::error_code error;
    require(fs::exists(path, error), "does not exist: check the path");
    require(fs::is_regular_file(path, error), "is not a file: give the path of a .safetensors file");
    size_ = fs::file_size(path, error);
    file_.open(path, std::ios::binary);
    require(!error && bool(file_), "cannot be opened: check its permissions");
  }

  Checkpoint read() {
    std::uint64_t header_size = 0;
    require(size_ >= 8, "is cut off: it has " + std::to_string(size_) + " bytes and no header");
    read_bytes(0, reinterpret_cast<char*>(&header_size), 8);
    require(header_size <= kLargestHeader && header_size <= size_ - 8,
            "is cut off or no safetensors file: its header would have " + std::to_string(header_size) +
                " bytes, but the file has " + std::to_string(size_));
    std::string text(header_size, '\0');
    read_bytes(8, text.data(), header_size);
    const auto header = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    require(header.is_object(), "is damaged: its header is no JSON object");

    Checkpoint out{path_.string(), {}, {}};
    std::vector<Span> spans;
    for (const auto& [name, entry] : header.items())
      if (name == "__metadata__")
        out.metadata = metadata_of(entry);
      else
        spans.push_back(span_of(name, entry));
    const std::uint64_t start = 8 + header_size;
    check_cover(spans, size_ - start);
    for (const Span& s : spans) {
      Tensor t(s.shape, s.dtype);
      read_bytes(start + s.first, const_cast<char*>(bytes_of(t)), s.last - s.first);
      out.tensors.push_back({s.name, t});
    }
    return out;
  }

 private:
  void require(bool condition, const std::string& sentence) const {
    if (!condition) throw UserError("checkpoint " + path_.string() + " " + sentence);
  }
  void require_tensor(bool condition, const std::string& name, const std::string& what) const {
    if (!condition) require(false, "is damaged: tensor '" + name + "' " + what);
  }

  void read_bytes(std::uint64_t at, char* to, std::uint64_t size) {
    file_.seekg(std::streamoff(at));
    file_.read(to, std::streamsize(size));
    require(size == 0 || std::uint64_t(file_.gcount()) == size, "ended while it was read: was it replaced meanwhile?");
  }

  Metadata metadata_of(const ordered_json& entry) const {
    require(entry.is_object(), "is damaged: its __metadata__ is no JSON object");
    Metadata out;
    for (const auto& [key, value] : entry.items()) {
      require(value.is_string(), "is damaged: '" + key + "' of its __metadata__ is no string");
      out[key] = value.get<std::string>();
    }
    return out;
  }

  Span span_of(const std::string& name, const ordered_json& entry) const {
    require_tensor(
        entry.is_object() && entry.contains("dtype") && entry.contains("shape") && entry.contains("data_offsets"), name,
        "lacks dtype, shape or data_offsets");
    const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
    require_tensor(dtype.is_string(), name, "has a dtype that is no string");
    const std::string kind = dtype.get<std::string>();
    if (kind != "F32" && kind != "F64")
      require(false, "has tensor '" + name + "' of dtype " + kind + ", but F32 and F64 are read: convert it first");
    Span s{name, kind == "F32" ? Dtype::f32 : Dtype::f64, {}, 0, 0};

    require_tensor(shape.is_array(), name, "has a shape that is no list");
    std::uint64_t bytes = heartbeat::size_of(s.dtype);
    bool fits = true, empty = false;
    for (const auto& d : shape) {
      require_tensor(d.is_number_unsigned() && d.get<std::uint64_t>() <= std::uint64_t(1) << 48, name,
                     "has an impossible shape");
      const auto n = d.get<std::uint64_t>();
      s.shape.push_back(long(n));
      empty = empty || n == 0;
      fits = fits && !__builtin_mul_overflow(bytes, std::max<std::uint64_t>(n, 1), &bytes);
    }
    require_tensor(fits && shape.size() <= 32, name, "has an impossible shape");
    require_tensor(
        offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
        name, "has data_offsets that are no two numbers");
    s.first = offsets[0].get<std::uint64_t>();
    s.last = offsets[1].get<std::uint64_t>();
    require_tensor(s.first <= s.last && s.last - s.first == (empty ? 0 : bytes), name,
                   "has shape " + to_string(s.shape) + ", which does not fit its data_offsets");
    return s;
  }

  // Tensors follow each other without gap or overlap, and end where the file ends.
  void check_cover(std::vector<Span> spans, std::uint64_t size) const {
    std::stable_sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
      return std::pair(a.first, a.last) < std::pair(b.first, b.last);
    });
    std::uint64_t at = 0;
    for (const Span& s : spans) {
      require_tensor(s.first == at, s.name, s.first < at ? "overlaps another one" : "begins after a gap");
      at = s.last;
    }
    require(at == size, at > size ? "is cut off: its tensors need " + std::to_string(at) + " bytes, but it holds " +
                                        std::to_string(size)
                                  : "is damaged: bytes after its last tensor belong to none");
  }

  fs::path path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
};

}  // namespace

const Tensor* Checkpoint::find(const std::string& tensor) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == tensor; });
  return found == tensors.end() ? nullptr : &found->tensor;
}

void save_checkpoint(const fs::path& path, const Parameters& tensors, const Metadata& metadata) {
  Parameters ordered = tensors;  // f64 first, so that every tensor is aligned
  std::stable_partition(ordered.begin(), ordered.end(), [](const auto& t) { return t.tensor.dtype() == Dtype::f64; });
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : ordered) {
    if (name == "__metadata__" || header.contains(name))
      throw UserError("checkpoint " + path.string() + " was not saved: two tensors are named '" + name +
                      "'; give each its own prefix");
    header[name] = {{"dtype", tensor.dtype() == Dtype::f32 ? "F32" : "F64"},
                    {"shape", tensor.shape()},
                    {"data_offsets", {at, at + size_of(tensor)}}};
    at += size_of(tensor);
  }
  std::string text = header.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');

  TemporaryFile file(path);
  const std::uint64_t length = text.size();
  file.write(reinterpret_cast<const char*>(&length), 8);
  file.write(text.data(), length);
  for (const auto& [name, tensor] : ordered) {
    const Tensor host = tensor.to(Device::cpu);
    file.write(bytes_of(host), size_of(host));
  }
  file.keep();
}

Checkpoint read_checkpoint(const fs::path& path) {
  return Reader(path).read();
}

void load_into(const Parameters& parameters, const Checkpoint& checkpoint) {
  std::map<std::string, const Tensor*> given;
  for (const auto& [name, tensor] : checkpoint.tensors) given[name] = &tensor;
  for (const auto& [name, tensor] : parameters) {
    const auto found = given.find(name);
    if (found == given.end())
      throw UserError(checkpoint.name + " has no tensor '" + name + "' " + to_string(tensor.shape()) +
                      ": build the model with the options it was saved with");
    if (found->second->shape() != tensor.shape())
      throw UserError("tensor '" + name + "' of " + checkpoint.name + " is " + to_string(found->second->shape()) +
                      ", but the model has " + to_string(tensor.shape()) +
                      ": build the model with the options it was saved with");
  }
  for (const auto& [name, tensor] : parameters) tensor.assign(*given[name]);
}

void load_into(const Parameters& parameters, const fs::path& path) {
  load_into(parameters, read_checkpoint(path));
}

}  // namespace heartbeat::nn
