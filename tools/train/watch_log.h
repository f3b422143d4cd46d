// From what the optimizer measures to the rows of the run log, and what that costs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "nn/optimizer.h"
#include "tools/log/run_log.h"
#include "tools/train/run_options.h"

namespace heartbeat {

nn::WatchOptions watch_options(const RunOptions& options);
std::vector<TensorRow> tensor_rows(const nn::Optimizer& optimizer);
void log_watch(RunLog& log, long step, nn::WatchFrame frame);

using MakeOptimizer = std::function<std::unique_ptr<nn::Optimizer>(const nn::Parameters&)>;
// What taking the heartbeat adds to an optimizer step, in seconds: the median difference between watched and unwatched
// steps over copies of the optimizer's tensors. make: an optimizer of the same kind and watch.
double seconds_of_watching(const nn::Optimizer& optimizer, const MakeOptimizer& make);

// Seconds of an average step.
struct WatchCost {
  double taking = 0;   // inside the optimizer's pass
  double handing = 0;  // from the frame to the log's queue
  double writing = 0;  // of the log's thread
  double judging = 0;  // by the doctor
};
// Prints what the heartbeat costs, as a share of a step of step_seconds, and logs the shares as
// time/watch_share and time/doctor_share.
void report_watch_cost(RunLog& log, long step, const WatchCost& cost, double step_seconds);

}  // namespace heartbeat
