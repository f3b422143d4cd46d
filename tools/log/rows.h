// The rows of a run log. Steps count from 1: step n is the n-th optimizer step, what is measured after it carries n,
// and rows at step 0 describe the untrained model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/common/statistics.h"

namespace heartbeat {

inline constexpr int kLogFormatVersion = 1;
inline constexpr int kBinDefinition = 1;  // signed log2, two bins per octave

// Numbers are part of the file format.
enum class Quantity { parameter = 0, gradient = 1, update = 2, clipped = 3, activation = 4, activation_gradient = 5 };
inline constexpr int kQuantities = 6;
const char* name_of(Quantity quantity);  // "parameters", "gradients", "updates", "gradients_clipped", ...

struct TensorRow {
  std::string name;  // dotted module path, as in gradients/ggn.gru.bias_hh
  std::vector<long> shape;
  std::string dtype = "f32";
  std::string aliases = {};  // other names of a tied parameter, separated by spaces
  bool trainable = true;
  std::string group = {};   // optimizer group
  std::string module = {};  // path of the owning module; empty: the name without its last part

  bool operator==(const TensorRow&) const = default;
};

struct StepRow {
  long step = 0;
  double epoch = 0;
  std::vector<double> learning_rates;  // one per optimizer group
  double clip_factor = 1, loss_scale = 1;
  bool skipped = false;
  double wall_time = 0;  // seconds since 1970, filled in by the log
};

struct WatchRow {
  long step = 0, last_step = 0;  // last_step > step: merged over the closed range
  int tensor = 0;
  Quantity quantity = Quantity::parameter;
  TensorStats stats;
};

struct ScalarRow {
  long step = 0;
  std::string name;
  double value = 0;  // may be NaN or infinite
};

// What the doctor says (tools/doctor). A rule speaks once about a module and severity.
struct AlertRow {
  std::string rule;               // "R16"
  std::string severity;           // "F" stop, "E" error, "W" warning, "I" information
  std::string tensor;             // of a parameter, a module or a channel; empty: the whole run
  long first_step = 0, step = 0;  // when the condition began to hold, and when patience was over
  double value = 0, limit = 0;    // as measured at step, against what was allowed
  std::string text;               // one sentence
  std::string fixes;              // advice, the first to try first, one to a line

  bool operator==(const AlertRow&) const = default;
};

struct ImageRow {
  long step = 0;
  std::string name;
  int width = 0, height = 0;
  std::vector<std::uint8_t> samples;  // [height, width], 0 black
};

struct NoteRow {
  long step = 0;
  std::string key, value;
};

}  // namespace heartbeat
