#include "tools/report/side_by_side.h"

#include <algorithm>
#include <set>

#include "tools/common/version.h"
#include "tools/log/repeatable.h"
#include "tools/report/comparison.h"
#include "tools/report/page.h"
#include "tools/report/run_json.h"
#include "tools/report/scales.h"

namespace heartbeat {
namespace {

constexpr std::size_t kPointsOfASmallCurve = 400;

// Names tell runs apart; where they do not, directories do.
std::vector<std::string> labels_of(std::span<const RunReader> runs) {
  std::vector<std::string> labels;
  for (const RunReader& run : runs) labels.push_back(name_of_run(run));
  if (std::set(labels.begin(), labels.end()).size() < labels.size())
    for (std::size_t k = 0; k < runs.size(); ++k) labels[k] = runs[k].directory();
  return labels;
}

std::optional<double> scale_of(const RunReader& run, const Histograms& histograms, const std::string& module) {
  std::map<std::string, TensorStats> gradients;
  for (const HistogramSeries& s : histograms.series)
    if (s.quantity == Quantity::gradient) gradients[run.tensors()[s.tensor].name] = s.total;
  return scale_of_module(gradients, module);
}

Json run_json(const RunReader& run, const std::string& label, const Histograms& histograms, const std::string& module) {
  Json tensors = Json::array(), scalars = Json::object();
  for (const TensorRow& t : run.tensors()) tensors.push_back({{"name", t.name}, {"shape", t.shape}});
  for (const auto& [name, curve] : read_curves(run))
    if (scalar_repeats(name) && name.rfind("baseline/", 0) != 0)
      scalars[name] = curve_json(curve, kPointsOfASmallCurve);
  const auto steps = run.steps();
  const auto scale = scale_of(run, histograms, module);
  const auto broken = run.meta().find("break");
  return {{"label", label},
          {"directory", run.directory()},
          {"outcome", outcome_of_run(run)},
          {"broken", broken == run.meta().end() ? "" : broken->second},
          {"steps", steps.empty() ? 0 : steps.back().step},
          {"seconds", number(seconds_of_run(steps))},
          {"scale", scale ? number(*scale) : Json(nullptr)},
          {"tensors", tensors},
          {"scalars", scalars},
          {"histograms", histograms_json(histograms)}};
}

}  // namespace

std::string side_by_side_html(std::span<const RunReader> runs, const SideBySideOptions& options) {
  const std::vector<std::string> labels = labels_of(runs);
  // The columns of a long run are of 2^n times as many steps as those of a short one: the page adds up to compare.
  std::vector<Histograms> histograms;
  for (const RunReader& run : runs)
    histograms.push_back(read_histograms(run, {.columns = options.columns,
                                               .most_bytes = options.histogram_bytes / runs.size(),
                                               .quantities = options.quantities}));
  Json list = Json::array(), settings = Json::array();
  bool measured = false;
  for (std::size_t k = 0; k < runs.size(); ++k) {
    list.push_back(run_json(runs[k], labels[k], histograms[k], options.module));
    measured = measured || !list.back()["scale"].is_null();
  }
  for (const SettingDifference& d : setting_differences(runs)) {
    Json values = Json::array();
    for (const auto& v : d.values) values.push_back(v ? Json(*v) : Json(nullptr));
    settings.push_back({{"key", d.key}, {"values", values}});
  }
  Json lone = Json::array();
  for (const LoneTensor& t : lone_tensors(runs))
    lone.push_back({{"name", t.name}, {"shape", t.shape}, {"runs", t.runs}});
  const Json page = {{"title", options.title},
                     {"version", kVersion},
                     {"lead", options.lead},
                     {"runs", list},
                     {"settings", settings},
                     {"lone", lone},
                     {"module", measured ? Json(options.module) : Json(nullptr)}};
  using namespace asset;
  return make_page(options.title, page.dump(-1, ' ', false, Json::error_handler_t::replace), {page_css, compare_css},
                   {base_js, bins_js, panel_js, chart_js, linked_js, compare_js});
}

}  // namespace heartbeat
