// What every program shares: exit codes, one sentence for an error, a clean answer to Ctrl-C.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "kernels/common/error.h"

namespace heartbeat {

enum ExitCode { kDone = 0, kFailed = 1, kUserMistake = 2, kInterrupted = 130 };

// Runs body and turns what it throws into a sentence on stderr and an exit code: UserError, std::invalid_argument and
// CLI11's parse errors 2, Interrupted 130, anything else 1. --help exits 0. body returns an exit code.
int run_program(const char* name, const std::function<int()>& body);

// Thrown by a program that has finished its step and saved after Ctrl-C.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Thrown by a program that ends before it is done because of what it has seen, with an exit code of its own.
class Stopped : public std::runtime_error {
 public:
  enum class Kind { saved, not_saved };
  Stopped(Kind kind, int code, const std::string& what) : std::runtime_error(what), kind(kind), code(code) {}
  const Kind kind;
  const int code;
};

// From now on Ctrl-C (SIGINT, SIGTERM) sets a flag instead of ending the process; a second one ends it at once.
void catch_interrupts();
bool interrupted();

}  // namespace heartbeat
