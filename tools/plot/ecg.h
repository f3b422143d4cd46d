// Update ratios of all tensors as one picture.
#pragma once

#include "tools/plot/plot.h"

namespace heartbeat {

// Rows are the tensors whose names match options.tensor; colour is log10 of the norm of the update over the norm of the
// parameter. UserError where there are none.
std::string plot_ecg(const RunReader& run, const PlotOptions& options, bool svg);

}  // namespace heartbeat
