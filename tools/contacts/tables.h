// Metrics as aligned text tables, in per cent.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/metrics.h"

namespace heartbeat {

using NamedSummary = std::pair<std::string, const Summary*>;

// One row each: precision of cb8 at L/10, L/5, L/2, L for short, medium and long pairs.
std::string precision_table(const std::vector<NamedSummary>& rows);
// One row for each channel: macro AUPRC of each summary over all separations, the type-eligible pairs alone, and the
// density beside it. The first summary is the model's.
std::string auprc_table(const std::vector<NamedSummary>& columns);
// AUPRC by separation band of the model's channels.
std::string band_table(const Summary& summary);

}  // namespace heartbeat
