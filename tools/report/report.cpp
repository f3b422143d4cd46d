#include "tools/report/report.h"

#include <algorithm>
#include <map>

#include "tools/report/page.h"
#include "tools/report/run_json.h"

namespace heartbeat {
namespace {

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
  const Histograms histograms =
      read_histograms(run, {.columns = options.columns, .most_bytes = options.histogram_bytes});
  Json json = facts_json(run, read_curves(run), run.steps());
  json["histograms"] = histograms_json(histograms);
  json["recent"] = nullptr;
  if (histograms.merged)
    json["recent"] = histograms_json(
        read_histograms(run, {.columns = options.recent, .most_bytes = options.recent_bytes, .recent = true}));
  json["images"] = maps_json(run, options.maps);
  return json;
}

std::string page_of(const std::string& name, const std::string& data) {
  using namespace asset;
  return make_page(name, data, {page_css},
                   {base_js, bins_js, panel_js, views_js, chart_js, histograms_js, curves_js, ecg_js, maps_js, keys_js,
                    live_js, page_js});
}

}  // namespace

std::string report_html(const RunReader& run, const ReportOptions& options) {
  return page_of(name_of_run(run), run_json(run, options).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string live_html(const std::string& name, const std::string& data) {
  std::string html = page_of(name, data);
  const std::string policy = "img-src data:";
  return html.insert(html.find(policy), "connect-src 'self'; ");
}

void write_report(const RunReader& run, const std::string& path, const ReportOptions& options) {
  write_page(report_html(run, options), path);
}

}  // namespace heartbeat
