// The report: a run as one HTML file without network. Histograms over steps first, then curves, maps and configuration.
#pragma once

#include <string>

#include "tools/log/run_reader.h"

namespace heartbeat {

struct ReportOptions {
  int columns = 400;                        // most steps (or merged steps) of one histogram
  std::size_t histogram_bytes = 6'000'000;  // most compressed bytes of all histograms together
  int recent = 120;                         // last steps, one to a column
  std::size_t recent_bytes = 3'000'000;
  int maps = 24;  // most steps of one contact map
};

// Equal runs give equal bytes. UserError where the page cannot be written.
void write_report(const RunReader& run, const std::string& path, const ReportOptions& options = {});
std::string report_html(const RunReader& run, const ReportOptions& options = {});
// The same page for a server that answers its questions, see tools/serve: data without counts and pictures.
std::string live_html(const std::string& name, const std::string& data);

}  // namespace heartbeat
