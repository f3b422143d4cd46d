#include "tools/plot/ecg.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "kernels/common/error.h"
#include "nn/watch.h"
#include "tools/plot/frame.h"
#include "tools/report/histograms.h"

namespace heartbeat {
namespace {

// Violet below 1e-4, pale in the good band, orange above 1e-2; v: log10.
Ink ratio_colour(double v) {
  return between({{0.25, 0.17, 0.48},
                  {0.72, 0.68, 0.86},
                  {0.97, 0.97, 0.96},
                  {0.97, 0.97, 0.96},
                  {0.94, 0.75, 0.52},
                  {0.66, 0.28, 0.04}},
                 (v + 6.5) / 7.0);
}

}  // namespace

std::string plot_ecg(const RunReader& run, const PlotOptions& options, bool svg) {
  HistogramMerger merger({.columns = options.columns, .quantities = {Quantity::parameter, Quantity::update}});
  run.watch(options.steps, [&](const WatchRow& w) { merger.add(w); });
  const Histograms axis = merger.axis();
  struct Row {
    std::string name;
    HistogramSeries update, parameter;
  };
  std::vector<Row> rows;
  for (int k = 0; k < int(run.tensors().size()); ++k) {
    const std::string& name = run.tensors()[std::size_t(k)].name;
    if (!nn::matches_any(options.tensor.empty() ? "*" : options.tensor, name)) continue;
    Row row{name, merger.series(k, Quantity::update, false), merger.series(k, Quantity::parameter, false)};
    if (!row.update.columns.empty() && !row.parameter.columns.empty()) rows.push_back(std::move(row));
  }
  if (rows.empty())
    throw UserError(
        fmt::format("the run has no updates and parameters of a tensor '{}'; it was not watched with "
                    "--watch all, or has another name",
                    options.tensor));
  const double tall = std::max(4.0, (options.height - 76.0) / double(rows.size()));
  const int height = int(std::ceil(tall * double(rows.size()) + 76));
  Drawing drawing(options.width, height, svg);
  const Frame f{drawing,         190, 34, options.width - 204.0, tall * double(rows.size()), axis.first.front(),
                axis.last.back()};
  drawing.text(14, 20, "update ratio", 12, kPlotInk);
  const std::pair<double, const char*> kMarks[] = {{-6, "1e-6"}, {-4, "1e-4"}, {-2, "1e-2"}, {0, "1"}};
  for (int k = 0; k <= 60; ++k)
    drawing.rectangle(options.width - 200 + 3 * k, 8, 3.2, 8, ratio_colour(-6.5 + 7.0 * k / 60));
  for (const auto& [v, text] : kMarks)
    drawing.text(options.width - 200 + 183 * (v + 6.5) / 7, 27, text, 8, kPlotSoft, Drawing::Align::centre);
  const auto edge = [&](std::size_t c) {
    return f.x(c < axis.first.size() ? double(axis.first[c]) : double(axis.last.back() + 1));
  };
  drawing.rectangle(f.left, f.top + f.height + 2.5, f.width, 4.5, {0.93, 0.945, 0.96});
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Row& row = rows[r];
    const double y = f.top + tall * double(r);
    drawing.rectangle(f.left, y, f.width, tall, {0.87, 0.89, 0.92});
    std::map<int, int> below;
    for (std::size_t k = 0; k < row.parameter.columns.size(); ++k)
      below[row.parameter.columns[k]] = row.parameter.norms[k];
    for (std::size_t k = 0; k < row.update.columns.size(); ++k) {
      const auto c = std::size_t(row.update.columns[k]);
      const auto base = below.find(int(c));
      if (base == below.end() || base->second == kNoLevel || row.update.norms[k] == kNoLevel) continue;
      const double v = (row.update.norms[k] - base->second) / 64.0 * std::log10(2.0);
      drawing.rectangle(edge(c), y, edge(c + 1) - edge(c), tall - (tall > 6 ? 0.5 : 0), ratio_colour(v));
    }
    for (const HistogramSeries* s : {&row.update, &row.parameter})
      for (int c : s->broken) f.rail(double(axis.first[std::size_t(c)]), double(axis.last[std::size_t(c)] + 1));
    const std::string name = row.name.size() > 32 ? "..." + row.name.substr(row.name.size() - 29) : row.name;
    if (tall >= 7)
      drawing.text(f.left - 6, y + tall / 2 + 3, name, std::min(kPlotLetters, tall), kPlotInk, Drawing::Align::right);
  }
  f.box();
  f.steps();
  return drawing.bytes();
}

}  // namespace heartbeat
