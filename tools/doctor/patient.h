// What the doctor knows about a run at one of its steps. The same stream comes from a trainer while it runs and from
// its run.db later, so that both give the same alerts.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/log/rows.h"

namespace heartbeat {

// One tensor and quantity at one step; n = 0 where it was not recorded.
struct Pulse {
  explicit Pulse(const TensorStats* stats = nullptr);

  const TensorStats* stats;  // valid while the step is judged
  double n = 0, finite = 0, zero = 0, nan = 0, infinite = 0;
  double mean = 0, abs_mean = 0, rms = 0, largest = 0;  // of the finite values; 0 where there are none

  bool all_finite() const { return n == finite; }
  double variance() const { return std::max(0.0, rms * rms - mean * mean); }
};

struct PatientTensor {
  TensorRow row;
  double numel = 1, fan_in = 1;  // inputs of one output; 1 for vectors
  std::string part;              // first word of the name: alerts of one part become one
  bool matrix = false;           // two axes or more, and no embedding
  bool embedding = false;
};

using Scalars = std::vector<std::pair<std::string, double>>;

// Mean of the loss over the last steps, by count.
struct LossHistory {
  long count = 0;
  double first = NAN;                // mean over the first ten finite losses (fewer at the start)
  double smooth = NAN, least = NAN;  // moving average, and its least value
  double last = NAN;
};

struct Patient {
  std::vector<PatientTensor> tensors;
  int first_matrix = -1, last_matrix = -1;
  std::map<std::string, double, std::less<>> facts;  // scalars at step 0: the plan, and what is known beforehand

  // Of the step being judged.
  StepRow row;
  const Scalars* scalars = nullptr;
  std::vector<Pulse> pulses[kQuantities];  // one for each tensor, or empty
  LossHistory loss;
  double peak_rate = 0;
  bool warm = false;  // ratios and trends mean something: after 50 steps, and after the schedule's warm-up

  double fact(std::string_view name) const;    // NaN where unknown
  double scalar(std::string_view name) const;  // of this step; NaN where there is none
  bool has_scalar(std::string_view name) const;
  const Pulse& pulse(Quantity q, std::size_t tensor) const;
  double rate() const { return row.learning_rates.empty() ? NAN : row.learning_rates[0]; }
  // Norm of the update over norm of the parameter; NaN where one is missing or 0.
  double update_ratio(std::size_t tensor) const;
  double norm(Quantity q, std::size_t tensor) const;  // of the whole tensor, also where steps were merged
};

PatientTensor patient_tensor(const TensorRow& row);

}  // namespace heartbeat
