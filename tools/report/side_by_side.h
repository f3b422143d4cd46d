// Runs laid side by side in one HTML file without network: a table to choose from, curves in one chart, histograms with
// linked axes, and for two runs the exact difference of their bins.
#pragma once

#include <span>
#include <string>

#include "tools/log/run_reader.h"

namespace heartbeat {

struct SideBySideOptions {
  std::string title;                         // of the page
  std::vector<std::string> lead = {};        // sentences under it
  std::vector<Quantity> quantities = {};     // empty: all
  int columns = 240;                         // most steps (or merged steps) of one histogram
  std::size_t histogram_bytes = 12'000'000;  // most compressed bytes of all histograms together
  // The module whose gradients are held against those of the others, one number for each run.
  std::string module = "rand_fc";
};

// Equal runs give equal bytes.
std::string side_by_side_html(std::span<const RunReader> runs, const SideBySideOptions& options);

}  // namespace heartbeat
