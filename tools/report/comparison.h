// In what two runs differ, and from which step on.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/log/run_reader.h"

namespace heartbeat {

// Settings with more than one value among the runs; null where a run does not know the setting.
struct SettingDifference {
  std::string key;
  std::vector<std::optional<std::string>> values;
};
std::vector<SettingDifference> setting_differences(std::span<const RunReader> runs);

// The tensors that not all runs have in one shape, with the runs that have them (their numbers).
struct LoneTensor {
  std::string name, shape;
  std::vector<int> runs;
};
std::vector<LoneTensor> lone_tensors(std::span<const RunReader> runs);

// What both runs hold: numbers of one name and step, histograms of one tensor, quantity and step.
struct Comparison {
  struct Tensor {
    std::string name;
    double median_a, median_b;  // of the magnitudes of the gradients, over the steps that both watched
    double elsewhere;           // share of them in another bin
  };
  struct Number {
    std::string name;
    long step;
    double a, b;
  };
  long steps = 0;                        // with anything to compare
  long first_step = 0;                   // the first with a difference, if any
  std::vector<std::string> first_names;  // and in what: "train/loss", "gradients/head.out.weight"
  bool differ = false;
  long scalars = 0, histograms = 0;  // compared
  std::vector<Tensor> tensors;       // in the order of the model
  std::vector<Number> last;          // each number at the last step that both hold
};
// Reads both logs to their end, and compares to the bit.
Comparison compare(const RunReader& a, const RunReader& b);

// "The runs are equal in ...", or "They agree up to step 11; at step 12 differ ...": a sentence.
std::string verdict_of(const Comparison& c);
// What `heartbeat diff` says: settings, verdict, tensors, numbers.
std::string comparison_text(std::span<const RunReader> two, const Comparison& c);

}  // namespace heartbeat
