// Short runs with a known state of health: for each rule of the doctor one that is broken so that the rule must answer,
// and healthy ones at which nobody may say more than an information.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tools/log/rows.h"

namespace heartbeat {

struct Specimen {
  std::string name;                      // "digits, rate 1e4"
  std::vector<std::string> rules;        // that must answer; none: healthy
  std::string preset = {};               // of --break, where it is one
  std::vector<std::string> limits = {};  // of the doctor, where they are not the defaults
  // Trains into the directory, which does not exist yet, and returns what the doctor said meanwhile. Prints nothing.
  std::function<std::vector<AlertRow>(const std::string& directory, std::uint64_t seed)> run;
};

// Of both trainers, the quick ones first.
std::span<const Specimen> specimens();

bool answered(const std::vector<AlertRow>& alerts, const std::string& rule);

}  // namespace heartbeat
