// Runs a program of the build and keeps what it said.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/places.h"
#include "tests/support/scratch.h"

namespace heartbeat::testing {

struct Outcome {
  int code = -1;
  std::string out, err;
};

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// command: the name of a program and its arguments, as for a shell; then: what the shell does with it, for example "&".
inline Outcome run_command(const std::string& command, const std::string& then = "") {
  const Scratch scratch;
  const std::string line =
      bin_dir() + "/" + command + " >" + scratch.file("out") + " 2>" + scratch.file("err") + " </dev/null " + then;
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(scratch.file("out")), read_text(scratch.file("err"))};
}

}  // namespace heartbeat::testing
