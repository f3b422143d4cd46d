// --graph: whether a trainer replays recorded steps, and what it says of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nn/step_graphs.h"
#include "tools/log/run_log.h"
#include "tools/train/run_options.h"

namespace heartbeat {

// What --graph and the rest of the options ask for. On a GPU the first step that is recorded, or the reason why none
// will be, goes to the log as the note "graph" of the step that step() gives, and the reason to say() as well. With
// --graph on a step that cannot be recorded is a UserError, thrown by StepGraphs::step().
std::unique_ptr<nn::StepGraphs> make_step_graphs(const RunOptions& options, nn::Optimizer& optimizer, RunLog& log,
                                                 std::function<long()> step,
                                                 std::function<void(const std::string&)> say);

}  // namespace heartbeat
