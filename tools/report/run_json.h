// Parts of a run as the pages read them, see the scripts of this folder.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/log/run_reader.h"
#include "tools/report/histograms.h"

namespace heartbeat {

using Json = nlohmann::ordered_json;

struct Curve {
  std::vector<long> steps, broken;  // broken: steps without a finite value
  std::vector<double> values;
};
std::map<std::string, Curve> read_curves(const RunReader& run);

void add_scalar(std::map<std::string, Curve>& curves, const ScalarRow& row);

Json number(double value);  // null unless finite; six significant digits are more than a screen shows
// At most so many points: means of 2^n, with their least and greatest where n > 0.
Json curve_json(const Curve& curve, std::size_t most_points);
// Everything of a run but its histograms and pictures.
Json facts_json(const RunReader& run, const std::map<std::string, Curve>& curves, const std::vector<StepRow>& steps);
Json series_json(const HistogramSeries& series, std::size_t columns);
Json histograms_json(const Histograms& histograms);

std::string name_of_run(const RunReader& run);
std::string outcome_of_run(const RunReader& run);          // "finished", "interrupted", ..., empty while it runs
double seconds_of_run(const std::vector<StepRow>& steps);  // of training: idle time before a resume does not count

}  // namespace heartbeat
