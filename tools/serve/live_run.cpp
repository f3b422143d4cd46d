#include "tools/serve/live_run.h"

#include <algorithm>

#include "tools/report/report.h"

namespace heartbeat {
namespace {

constexpr int kFramesOfAMap = 60;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Names of series alone, or with the sizes of their columns.
Json list_json(const HistogramMerger& merger, bool sizes) {
  Json list = Json::array();
  for (const auto& [tensor, quantity] : merger.keys()) {
    if (sizes)
      list.push_back(series_json(merger.series(tensor, quantity, /*bins=*/false), merger.axis().first.size()));
    else
      list.push_back({{"tensor", tensor}, {"quantity", name_of(quantity)}});
  }
  Json json = histograms_json(merger.axis());
  json["series"] = list;
  return json;
}

}  // namespace

LiveRun::LiveRun(const std::string& directory)
    : run_(directory),
      all_({.columns = ReportOptions().columns}),
      recent_({.columns = ReportOptions().recent, .recent = true}) {
  generations_ = run_.generations();
  refresh();
}

void LiveRun::forget() {
  all_ = HistogramMerger({.columns = ReportOptions().columns});
  recent_ = HistogramMerger({.columns = ReportOptions().recent, .recent = true});
  curves_.clear(), steps_.clear(), images_.clear();
  steps_read_ = scalars_read_ = watch_read_ = images_read_ = 0;
}

bool LiveRun::refresh() {
  run_.refresh();
  // A resumed run repeats steps: what counts of the old ones is decided by the reader.
  if (run_.generations() != generations_) generations_ = run_.generations(), forget();
  steps_read_ = run_.steps_after(steps_read_, [&](const StepRow& s) { steps_.push_back(s); });
  scalars_read_ = run_.scalars_after(scalars_read_, [&](const ScalarRow& s) { add_scalar(curves_, s); });
  watch_read_ = run_.watch_after(watch_read_, [&](const WatchRow& w) { all_.add(w), recent_.add(w); });
  if (const long images = run_.last_row("image"); images != images_read_) {
    images_.clear();
    for (const ImageHandle& image : run_.images()) images_[image.id] = image;
    images_read_ = images;
  }
  alerts_ = std::size_t(run_.last_row("alert")), notes_ = std::size_t(run_.last_row("note"));
  // Row numbers name a state of the log, also to a page that outlives its server.
  const long before =
      std::exchange(version_, steps_read_ + scalars_read_ + watch_read_ + images_read_ + long(alerts_ + notes_));
  run_.release();
  return before != version_;
}

std::string LiveRun::state() const {
  Json json = facts_json(run_, curves_, steps_);
  json["live"] = true;
  json["state"] = version_;
  json["histograms"] = list_json(all_, false);
  json["recent"] = list_json(recent_, false);
  std::map<std::string, std::vector<const ImageHandle*>> by_name;
  for (const auto& [id, image] : images_) by_name[image.name].push_back(&image);
  Json maps = Json::array();
  for (const auto& [name, frames] : by_name) {
    Json list = Json::array();
    const std::size_t n = frames.size(), kept = std::min<std::size_t>(n, kFramesOfAMap);
    for (std::size_t k = 0; k < kept; ++k) {
      const ImageHandle& image = *frames[kept == 1 ? n - 1 : k * (n - 1) / (kept - 1)];
      list.push_back({{"step", image.step}, {"w", image.width}, {"h", image.height}, {"picture", image.id}});
    }
    maps.push_back({{"name", name}, {"frames", list}});
  }
  json["images"] = {{"maps", maps}};
  return text_of(json);
}

std::string LiveRun::histograms(bool recent, const std::vector<std::pair<int, Quantity>>& keys) const {
  Histograms some = merger(recent).axis();
  for (const auto& [tensor, quantity] : keys) some.series.push_back(merger(recent).series(tensor, quantity));
  return text_of(histograms_json(some));
}

std::string LiveRun::levels(bool recent) const {
  return text_of(list_json(merger(recent), true));
}

bool LiveRun::picture(long id, std::string& samples) const {
  const auto at = images_.find(id);
  if (at == images_.end()) return false;
  const auto bytes = run_.samples(at->second);
  samples.assign(bytes.begin(), bytes.end());
  return true;
}

}  // namespace heartbeat
