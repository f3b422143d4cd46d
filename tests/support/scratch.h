// A folder of its own for a test, gone with it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace heartbeat::testing {

class Scratch {
 public:
  Scratch() : path_((std::filesystem::temp_directory_path() / "heartbeat.XXXXXX").string()) {
    if (!mkdtemp(path_.data())) throw std::runtime_error("cannot make a scratch folder");
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace heartbeat::testing
