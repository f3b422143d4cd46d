// A folder with the four files of MNIST, small, and ways to spoil them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "graph/file_bytes.h"
#include "tests/support/scratch.h"
#include "tools/mnist/digits.h"

namespace heartbeat::testing {

inline constexpr const char* kTrainImages = "train-images-idx3-ubyte";
inline constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";
inline constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
inline constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

class IdxFolder {
 public:
  explicit IdxFolder(long train = 20, long test = 10) : digits{draw_digits(train, 5), draw_digits(test, 6)} {
    write_digits(path(), digits);
  }

  std::string path() const { return scratch_.file("digits"); }
  std::string zipped(const std::string& name) const { return path() + "/" + name + ".gz"; }
  // Replaces the .gz by a plain file.
  void write_plain(const std::string& name, const std::string& bytes) const {
    std::filesystem::remove(zipped(name));
    std::ofstream(path() + "/" + name, std::ios::binary) << bytes;
  }
  std::string bytes(const std::string& name) const { return read_whole_file(zipped(name)); }
  // Changes one byte, and leaves the file plain.
  void change(const std::string& name, std::size_t at, char value) const {
    std::string changed = bytes(name);
    changed.at(at) = value;
    write_plain(name, changed);
  }

  const Digits digits;

 private:
  Scratch scratch_;
};

}  // namespace heartbeat::testing
