#include "tools/report/run_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tools/common/version.h"

namespace heartbeat {
namespace {

constexpr std::size_t kPointsOfACurve = 1500;

}  // namespace

void add_scalar(std::map<std::string, Curve>& curves, const ScalarRow& s) {
  Curve& curve = curves[s.name];
  if (std::isfinite(s.value)) {
    curve.steps.push_back(s.step);
    curve.values.push_back(s.value);
  } else {
    curve.broken.push_back(s.step);
  }
}

std::map<std::string, Curve> read_curves(const RunReader& run) {
  std::map<std::string, Curve> curves;
  for (const ScalarRow& s : run.scalars()) add_scalar(curves, s);
  return curves;
}

Json number(double value) {
  return std::isfinite(value) ? Json(std::stod(fmt::format("{:.6g}", value))) : Json(nullptr);
}

Json curve_json(const Curve& curve, std::size_t most_points) {
  std::size_t group = 1;
  while ((curve.steps.size() + group - 1) / group > most_points) group *= 2;
  Json steps = Json::array(), mean = Json::array(), low = Json::array(), high = Json::array();
  for (std::size_t at = 0; at < curve.steps.size(); at += group) {
    const std::size_t end = std::min(at + group, curve.steps.size());
    const auto [least, greatest] = std::minmax_element(curve.values.begin() + at, curve.values.begin() + end);
    double sum = 0;
    for (std::size_t k = at; k < end; ++k) sum += curve.values[k];
    steps.push_back(curve.steps[(at + end - 1) / 2]);
    mean.push_back(number(sum / double(end - at)));
    low.push_back(number(*least));
    high.push_back(number(*greatest));
  }
  Json json = {{"step", steps}, {"value", mean}};
  if (group > 1) json["low"] = low, json["high"] = high;
  if (!curve.broken.empty()) json["broken"] = curve.broken;
  return json;
}

Json facts_json(const RunReader& run, const std::map<std::string, Curve>& curves, const std::vector<StepRow>& steps) {
  Json meta = Json::object(), tensors = Json::array(), scalars = Json::object(), skipped = Json::array();
  for (const auto& [key, value] : run.meta()) meta[key] = value;
  for (const TensorRow& t : run.tensors())
    tensors.push_back({{"name", t.name}, {"shape", t.shape}, {"dtype", t.dtype}, {"trainable", t.trainable}});
  for (const auto& [name, curve] : curves) scalars[name] = curve_json(curve, kPointsOfACurve);
  for (const StepRow& s : steps)
    if (s.skipped) skipped.push_back(s.step);

  Json notes = Json::array(), alerts = Json::array();
  for (const NoteRow& n : run.notes()) notes.push_back({{"step", n.step}, {"key", n.key}, {"value", n.value}});
  for (const AlertRow& a : run.alerts())
    alerts.push_back({{"rule", a.rule},
                      {"severity", a.severity},
                      {"tensor", a.tensor},
                      {"step", a.first_step},
                      {"value", number(a.value)},
                      {"limit", number(a.limit)},
                      {"text", a.text},
                      {"fixes", a.fixes}});
  return {{"name", name_of_run(run)},
          {"version", kVersion},
          {"outcome", outcome_of_run(run)},
          {"generations", run.generations()},
          {"steps", steps.size()},
          {"last_step", steps.empty() ? 0 : steps.back().step},
          {"epochs", steps.empty() ? Json(0) : number(steps.back().epoch)},
          {"seconds", number(seconds_of_run(steps))},
          {"meta", meta},
          {"tensors", tensors},
          {"skipped", skipped},
          {"scalars", scalars},
          {"alerts", alerts},
          {"notes", notes}};
}

namespace {

Json levels_json(const std::vector<int>& levels) {
  Json json = Json::array();
  for (int n : levels) json.push_back(n == kNoLevel ? Json() : Json(n));
  return json;
}

}  // namespace

Json series_json(const HistogramSeries& s, std::size_t columns) {
  return {{"tensor", s.tensor},
          {"quantity", name_of(s.quantity)},
          {"columns", s.columns.size() == columns ? Json(nullptr) : Json(s.columns)},
          {"norms", levels_json(s.norms)},
          {"means", levels_json(s.means)},
          {"broken", s.broken},
          {"bytes", base64(s.bytes)}};
}

Json histograms_json(const Histograms& h) {
  Json series = Json::array();
  for (const HistogramSeries& s : h.series) series.push_back(series_json(s, h.first.size()));
  return {{"first", h.first}, {"last", h.last}, {"rows", h.rows}, {"merged", h.merged}, {"series", series}};
}

std::string name_of_run(const RunReader& run) {
  const auto name = run.meta().find("name");
  if (name != run.meta().end() && !name->second.empty()) return name->second;
  std::filesystem::path path(run.directory());
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

std::string outcome_of_run(const RunReader& run) {
  std::string outcome;
  for (const NoteRow& n : run.notes()) {
    if (n.key == "outcome") outcome = n.value;
    if (n.key == "interrupted") outcome = n.key;
    if (n.key == "resume") outcome.clear();
  }
  return outcome;
}

double seconds_of_run(const std::vector<StepRow>& steps) {
  std::vector<double> gaps;
  for (std::size_t k = 1; k < steps.size(); ++k) gaps.push_back(steps[k].wall_time - steps[k - 1].wall_time);
  if (gaps.empty()) return 0;
  std::vector<double> sorted = gaps;
  std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2, sorted.end());
  const double longest = std::max(600.0, 100 * sorted[sorted.size() / 2]);
  double seconds = 0;
  for (double gap : gaps) seconds += gap > 0 && gap < longest ? gap : 0;
  return seconds;
}

}  // namespace heartbeat
