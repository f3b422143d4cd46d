// What a run shows of itself at a glance, followed while it is written.
#pragma once

#include <cmath>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tools/log/run_reader.h"

namespace heartbeat {

inline constexpr std::size_t kRecentSteps = 120;

// A module with all its tensors. Sums of squares over tensors make its norms.
struct Layer {
  std::string name = {};
  double gradient = NAN;             // mean magnitude at the last watched step
  double ratio = NAN;                // norm of the update over norm of the parameters
  std::uint64_t broken = 0;          // NaN and infinities among the gradients of that step
  std::deque<float> gradients = {};  // of the last kRecentSteps watched steps; NAN where there was none
};

class RunPulse {
 public:
  // per_tensor: a row for each tensor in place of each module.
  explicit RunPulse(const std::string& directory, bool per_tensor = false);
  bool update();  // reads what is new; whether anything was

  const RunReader& run() const { return run_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const std::vector<AlertRow>& alerts() const { return alerts_; }
  const std::string& outcome() const { return outcome_; }  // empty while it runs
  long steps() const { return step_.step; }
  const StepRow& last_step() const { return step_; }
  double seconds_of_a_step() const;  // median of the recent ones, NAN with fewer than two
  // The last finite value of a scalar; NAN where there is none.
  double scalar(const std::string& name) const;
  struct Loss {
    long step;
    double value;  // may be NaN or infinite
  };
  const std::vector<Loss>& losses() const { return losses_; }
  double smooth_loss() const;  // mean of the last fiftieth
  struct Beat {
    double wall_time;
    bool bad;  // skipped
  };
  const std::deque<Beat>& beats() const { return beats_; }

 private:
  struct Sums {
    double parameter = 0, update = 0, gradient = 0;
    std::uint64_t finite = 0, broken = 0;
    bool has_parameter = false, has_update = false, has_gradient = false;
  };
  void name_layers();
  void add(const WatchRow& row);
  void close_step();

  RunReader run_;
  const bool per_tensor_;
  std::vector<Layer> layers_;
  std::vector<std::size_t> layer_of_;  // [tensor]
  std::vector<Sums> open_;             // [layer], of watched_step_
  long watched_step_ = -1, steps_read_ = 0, scalars_read_ = 0, watch_read_ = 0;
  bool joined_late_ = false;  // the first step is not whole
  StepRow step_;
  std::vector<Loss> losses_;
  std::deque<Beat> beats_;
  std::map<std::string, double> scalars_;
  std::vector<AlertRow> alerts_;
  std::string outcome_;
};

}  // namespace heartbeat
