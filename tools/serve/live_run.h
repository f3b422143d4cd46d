// A run as the live page asks for it, kept up to date with what the trainer writes.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/run_reader.h"
#include "tools/report/histograms.h"
#include "tools/report/run_json.h"

namespace heartbeat {

class LiveRun {
 public:
  explicit LiveRun(const std::string& directory);
  bool refresh();  // reads what is new; whether anything was
  long version() const { return version_; }

  std::string name() const { return name_of_run(run_); }
  // JSON as tools/report/page.js expects it, without counts and pictures.
  std::string state() const;
  // Histograms of some tensors on one axis; recent: of the last steps. keys: tensor and quantity.
  std::string histograms(bool recent, const std::vector<std::pair<int, Quantity>>& keys) const;
  // The size of every column of every tensor, without counts.
  std::string levels(bool recent) const;
  // Samples of an image, row by row; false where there is none of that number.
  bool picture(long id, std::string& samples) const;

 private:
  void forget();
  const HistogramMerger& merger(bool recent) const { return recent ? recent_ : all_; }

  RunReader run_;
  HistogramMerger all_, recent_;
  std::map<std::string, Curve> curves_;
  std::vector<StepRow> steps_;
  std::map<long, ImageHandle> images_;
  std::size_t alerts_ = 0, notes_ = 0;
  long steps_read_ = 0, scalars_read_ = 0, watch_read_ = 0, images_read_ = 0, version_ = 0;
  int generations_ = 1;
};

}  // namespace heartbeat
