#include "tools/report/report.h"

#include <algorithm>
#include <map>

#include "tools/common/version.h"
#include "tools/report/page.h"
#include "tools/report/run_json.h"

namespace heartbeat {
namespace {

constexpr std::size_t kPointsOfACurve = 1500;
constexpr std::size_t kMapBytes = 2'000'000;

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

Json run_json(const RunReader& run, const ReportOptions& options) {
  Json meta = Json::object(), tensors = Json::array(), scalars = Json::object();
  for (const auto& [key, value] : run.meta()) meta[key] = value;
  for (const TensorRow& t : run.tensors())
    tensors.push_back({{"name", t.name}, {"shape", t.shape}, {"dtype", t.dtype}, {"trainable", t.trainable}});
  for (const auto& [name, curve] : read_curves(run)) scalars[name] = curve_json(curve, kPointsOfACurve);

  const Histograms histograms =
      read_histograms(run, {.columns = options.columns, .most_bytes = options.histogram_bytes});
  const auto steps = run.steps();
  Json skipped = Json::array();
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
          {"histograms", histograms_json(histograms)},
          {"scalars", scalars},
          {"images", maps_json(run, options.maps)},
          {"alerts", alerts},
          {"notes", notes}};
}

}  // namespace

std::string report_html(const RunReader& run, const ReportOptions& options) {
  using namespace asset;
  return make_page(name_of_run(run), run_json(run, options).dump(-1, ' ', false, Json::error_handler_t::replace),
                   {page_css},
                   {base_js, bins_js, panel_js, chart_js, histograms_js, curves_js, ratios_js, maps_js, page_js});
}

void write_report(const RunReader& run, const std::string& path, const ReportOptions& options) {
  write_page(report_html(run, options), path);
}

}  // namespace heartbeat
