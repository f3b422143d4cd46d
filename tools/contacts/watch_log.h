// From what the validation of a contact model measures to the rows of the run log.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autograd/tensor.h"
#include "graph/batch.h"
#include "graph/metrics.h"
#include "graph/protein.h"
#include "tools/log/run_log.h"

namespace heartbeat {

// Predicted and true map of one channel as grey images, maps/<id>/<channel>/predicted and /true.
void log_map(RunLog& log, long step, const Protein& protein, const std::vector<float>& probability, int channel);

// <prefix>/loss/<channel>: what each channel adds to the loss.
void log_losses(RunLog& log, long step, const std::string& prefix, std::span<const double> by_channel);
// predictions/variance_ratio/<channel>: variance of the probabilities over the pairs of a batch, as a share of what
// sure predictions at the channel's rate would have. logits: as the loss compares them.
void log_spread(RunLog& log, long step, const Tensor& logits, const ClassStatistics& statistics);
// Scores by channel and band of separation, <prefix>/cb8/long@L/5, <prefix>/auprc/cb8/long, ...; bands without pairs
// leave no row.
void log_summary(RunLog& log, long step, const std::string& prefix, const Summary& summary);

}  // namespace heartbeat
