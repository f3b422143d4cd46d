// `heartbeat plot`: one view of one tensor as a file for papers, exact and the same to the byte from the same log.
#pragma once

#include <string>

#include "tools/log/run_reader.h"

namespace heartbeat {

struct PlotOptions {
  std::string view = "heatmap";        // heatmap, bands, ridge or ecg
  std::string tensor;                  // its name; a pattern of the rows of an ecg
  std::string quantity = "gradients";  // as name_of() says; an ecg draws the update ratio
  StepRange steps = {};
  int width = 640, height = 400;  // points
  int columns = 400;              // of steps, merged by adding counts
};

// PNG or SVG. UserError where the run has no such tensor or quantity.
std::string plot(const RunReader& run, const PlotOptions& options, bool svg);
// By the end of the path, .png or .svg. UserError where it cannot be written, or ends otherwise.
void write_plot(const RunReader& run, const PlotOptions& options, const std::string& path);

}  // namespace heartbeat
