#include "tools/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "tools/common/version.h"
#include "tools/report/histograms.h"

namespace heartbeat {

namespace asset {  // text files of this folder, see CMakeLists.txt
extern const char* const page_html;
extern const char* const page_css;
extern const char* const base_js;
extern const char* const heatmaps_js;
extern const char* const curves_js;
extern const char* const maps_js;
extern const char* const page_js;
extern const char* const d3_min_js;
}  // namespace asset

namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kPointsOfACurve = 1500;
constexpr std::size_t kMapBytes = 2'000'000;

// Six significant digits are more than a screen shows.
Json number(double value) {
  return std::isfinite(value) ? Json(std::stod(fmt::format("{:.6g}", value))) : Json(nullptr);
}

struct Curve {
  std::vector<long> steps, broken;  // broken: steps without a finite value
  std::vector<double> values;
};

// Means of 2^n points, with their least and greatest where n > 0.
Json curve_json(const Curve& curve) {
  std::size_t group = 1;
  while ((curve.steps.size() + group - 1) / group > kPointsOfACurve) group *= 2;
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

std::map<std::string, Curve> read_curves(const RunReader& run) {
  std::map<std::string, Curve> curves;
  for (const ScalarRow& s : run.scalars()) {
    Curve& curve = curves[s.name];
    if (std::isfinite(s.value)) {
      curve.steps.push_back(s.step);
      curve.values.push_back(s.value);
    } else {
      curve.broken.push_back(s.step);
    }
  }
  return curves;
}

// Seconds of training: idle time between a crash and its resume does not count.
double seconds_of(const std::vector<StepRow>& steps) {
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

Json histograms_json(const RunReader& run, const ReportOptions& options) {
  const Histograms h = read_histograms(run, options.columns, options.histogram_bytes);
  Json series = Json::array();
  for (const HistogramSeries& s : h.series)
    series.push_back({{"tensor", s.tensor},
                      {"quantity", name_of(s.quantity)},
                      {"columns", s.columns.size() == h.first.size() ? Json(nullptr) : Json(s.columns)},
                      {"norms",
                       [&] {
                         Json norms = Json::array();
                         for (int n : s.norms) norms.push_back(n == std::numeric_limits<int>::min() ? Json() : Json(n));
                         return norms;
                       }()},
                      {"bytes", base64(s.bytes)}});
  return {{"first", h.first}, {"last", h.last}, {"series", series}};
}

// maps/<protein>/<channel>/<predicted|true>: frames of one map, thinned evenly; equal pictures are stored once.
Json maps_json(const RunReader& run, int most_frames) {
  std::map<std::string, std::vector<ImageHandle>> by_name;
  for (const ImageHandle& image : run.images()) by_name[image.name].push_back(image);
  for (;; most_frames = std::max(1, most_frames / 2)) {
    std::size_t bytes = 0;
    Json pictures = Json::array(), maps = Json::array();
    std::map<std::string, std::size_t> known;
    for (const auto& [name, frames] : by_name) {
      Json list = Json::array();
      const std::size_t n = frames.size(), kept = std::min<std::size_t>(n, std::size_t(most_frames));
      for (std::size_t k = 0; k < kept; ++k) {
        const ImageHandle& image = frames[n - 1 - (kept - 1 - k) * (n - 1) / std::max<std::size_t>(1, kept - 1)];
        const auto samples = run.samples(image);
        const std::string packed = deflated(std::string(samples.begin(), samples.end()));
        const auto [at, is_new] = known.emplace(packed, pictures.size());
        if (is_new) pictures.push_back(base64(packed)), bytes += packed.size();
        list.push_back({{"step", image.step}, {"w", image.width}, {"h", image.height}, {"picture", at->second}});
      }
      maps.push_back({{"name", name}, {"frames", list}});
    }
    if (bytes <= kMapBytes || most_frames == 1) return {{"pictures", pictures}, {"maps", maps}};
  }
}

std::string name_of_run(const RunReader& run) {
  const auto name = run.meta().find("name");
  if (name != run.meta().end() && !name->second.empty()) return name->second;
  std::filesystem::path path(run.directory());
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

Json run_json(const RunReader& run, const ReportOptions& options) {
  Json meta = Json::object(), tensors = Json::array(), scalars = Json::object();
  for (const auto& [key, value] : run.meta()) meta[key] = value;
  for (const TensorRow& t : run.tensors())
    tensors.push_back({{"name", t.name}, {"shape", t.shape}, {"dtype", t.dtype}, {"trainable", t.trainable}});
  for (const auto& [name, curve] : read_curves(run)) scalars[name] = curve_json(curve);

  const auto steps = run.steps();
  Json skipped = Json::array();
  for (const StepRow& s : steps)
    if (s.skipped) skipped.push_back(s.step);

  Json notes = Json::array(), alerts = Json::array();
  std::string outcome;
  for (const NoteRow& n : run.notes()) {
    if (n.key == "outcome") outcome = n.value;
    if (n.key == "interrupted") outcome = n.key;
    if (n.key == "resume") outcome.clear();
    notes.push_back({{"step", n.step}, {"key", n.key}, {"value", n.value}});
  }
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
          {"outcome", outcome},
          {"generations", run.generations()},
          {"steps", steps.size()},
          {"last_step", steps.empty() ? 0 : steps.back().step},
          {"epochs", steps.empty() ? Json(0) : number(steps.back().epoch)},
          {"seconds", number(seconds_of(steps))},
          {"meta", meta},
          {"tensors", tensors},
          {"skipped", skipped},
          {"histograms", histograms_json(run, options)},
          {"scalars", scalars},
          {"images", maps_json(run, options.maps)},
          {"alerts", alerts},
          {"notes", notes}};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

}  // namespace

std::string report_html(const RunReader& run, const ReportOptions& options) {
  std::string data = run_json(run, options).dump(-1, ' ', false, Json::error_handler_t::replace);
  // Inside <script> only "<" can end the data; as an escape it is the same JSON.
  std::string safe;
  safe.reserve(data.size());
  for (char c : data) safe += c == '<' ? "\\u003c" : std::string(1, c);

  const std::pair<const char*, std::string> parts[] = {
      {"{{title}}", escaped(name_of_run(run))},
      {"{{style}}", asset::page_css},
      {"{{d3}}", asset::d3_min_js},
      {"{{data}}", safe},
      {"{{script}}",
       std::string(asset::base_js) + asset::heatmaps_js + asset::curves_js + asset::maps_js + asset::page_js}};
  std::string html;
  std::string_view rest = asset::page_html;
  for (const auto& [mark, text] : parts) {  // in the order of the page, so that no text is searched for marks
    const std::size_t at = rest.find(mark);
    html.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + std::string_view(mark).size());
  }
  return html.append(rest);
}

void write_report(const RunReader& run, const std::string& path, const ReportOptions& options) {
  const std::string html = report_html(run, options);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << html;
  file.close();
  if (!file) throw UserError(fmt::format("the report cannot be written to {}; choose another place with -o", path));
}

}  // namespace heartbeat
