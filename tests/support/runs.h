// What tests ask of a training program and of the run it leaves.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tools/log/run_reader.h"

namespace heartbeat::testing {

inline std::string dump_of(const std::string& run) {
  const Outcome outcome = run_command("heartbeat dump --json " + run);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

// The scalars of that name, by step.
inline std::vector<double> values(const std::string& run, const std::string& name) {
  std::vector<double> found;
  for (const ScalarRow& s : RunReader(run).scalars())
    if (s.name == name) found.push_back(s.value);
  return found;
}

inline void expect_one_sentence(const char* program, const Outcome& outcome, int code, const std::string& part) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "not one line: " << outcome.err;
  EXPECT_EQ(outcome.err.find(std::string(program) + ": "), 0u) << outcome.err;
}

}  // namespace heartbeat::testing
