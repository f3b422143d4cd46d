// The report: a run as one HTML file without network. Histograms over steps first, then curves, maps and configuration.
#pragma once

#include <string>

#include "tools/log/run_reader.h"

namespace heartbeat {

struct ReportOptions {
  int columns = 400;                        // most steps (or merged steps) of one histogram
  std::size_t histogram_bytes = 6'000'000;  // most compressed bytes of all histograms together
  int maps = 24;                            // most steps of one contact map
};

// Equal runs give equal bytes. UserError where the page cannot be written.
void write_report(const RunReader& run, const std::string& path, const ReportOptions& options = {});
std::string report_html(const RunReader& run, const ReportOptions& options = {});

}  // namespace heartbeat
