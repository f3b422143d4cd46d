// From what the optimizer measures to the rows of the run log.
#pragma once

#include <vector>

#include "graph/protein.h"
#include "nn/optimizer.h"
#include "tools/contacts/options.h"
#include "tools/log/run_log.h"

namespace heartbeat {

nn::WatchOptions watch_options(const TrainOptions& options);
std::vector<TensorRow> tensor_rows(const nn::Optimizer& optimizer);
void log_watch(RunLog& log, long step, nn::WatchFrame frame);
// Predicted and true map of one channel as grey images, maps/<id>/<channel>/predicted and /true.
void log_map(RunLog& log, long step, const Protein& protein, const std::vector<float>& probability, int channel);

// What taking the heartbeat adds to an optimizer step, in seconds: the median difference between watched and unwatched
// steps over copies of the optimizer's tensors.
double seconds_of_watching(const nn::Optimizer& optimizer);

}  // namespace heartbeat
