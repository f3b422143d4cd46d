// The doctor reads a run from its log: what it would have said, had it been there.
#pragma once

#include "tools/doctor/doctor.h"
#include "tools/log/run_reader.h"

namespace heartbeat {

// Shows the doctor all steps up to the last one given, in order, each followed by its evaluation. UserError where the
// log is damaged.
void replay(const RunReader& run, Doctor& doctor, long last_step = LONG_MAX);

// The alerts as JSON: {"run": ..., "steps": ..., "exit_code": ..., "alerts": [{"rule": ...}]}.
std::string alerts_json(const RunReader& run, const Doctor& doctor);
// The rules with their limits, as a table for a terminal.
std::string rules_text();

}  // namespace heartbeat
