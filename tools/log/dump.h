// Everything in a run log as text, for other tools and for comparing runs.
#pragma once

#include <cstdio>
#include <string>

#include "tools/log/run_reader.h"

namespace heartbeat {

struct DumpOptions {
  bool csv = false;
  std::string tensor = "*";  // glob over names of tensors
  StepRange steps = {};
  bool with_times = false;  // also what differs between two equal runs: clock, host, paths, lives
};

// JSON: one object, one row to a line. CSV: one tidy table, record,step,last_step,name,field,low,high,value.
// UserError where out cannot be written.
void dump(const RunReader& run, const DumpOptions& options, std::FILE* out);

// "a:b", "a:", ":b" or "a"; std::invalid_argument otherwise.
StepRange parse_step_range(const std::string& text);

}  // namespace heartbeat
