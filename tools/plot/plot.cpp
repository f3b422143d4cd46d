#include "tools/plot/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "kernels/common/error.h"
#include "tools/plot/ecg.h"
#include "tools/plot/frame.h"
#include "tools/plot/value_rows.h"
#include "tools/report/histograms.h"

namespace heartbeat {
namespace {

Ink blues(double t) {
  return between({{0.93, 0.96, 0.99}, {0.62, 0.79, 0.88}, {0.26, 0.57, 0.78}, {0.03, 0.32, 0.61}, {0.03, 0.19, 0.42}},
                 t);
}
std::string tick_text(double v) {
  if (v == 0) return "0";
  return std::abs(v) >= 0.001 && std::abs(v) < 1e4
             ? fmt::format("{:g}", v)
             : fmt::format("{}1e{}", v < 0 ? "-" : "", std::lround(std::log10(std::abs(v))));
}

struct Picture {
  const PlotOptions& options;
  Drawing drawing;
  Histograms axis;
  std::vector<MergedHistogram> columns;
  std::vector<TensorStats> stats;  // [columns]
  TensorStats total;

  Frame frame(double left) {
    Frame f{drawing,         left, 34, options.width - left - 14, options.height - 34.0 - 42, axis.first.front(),
            axis.last.back()};
    drawing.rectangle(f.left, f.top, f.width, f.height, kPlotPaper);
    drawing.rectangle(f.left, f.top + f.height + 2.5, f.width, 4.5, {0.93, 0.945, 0.96});
    return f;
  }
  double from(std::size_t c) const { return double(axis.first[std::size_t(columns[c].column)]); }
  double to(std::size_t c) const {
    const std::size_t next = std::size_t(columns[c].column) + 1;
    return next < axis.first.size() ? double(axis.first[next]) : double(axis.last.back() + 1);
  }
  void value_axis(const Frame& f, const ValueRows& rows) {
    const double tall = f.height / rows.size();
    for (double v : rows.ticks(14 / tall)) {
      const double y = f.top + tall * *rows.position(v);
      drawing.line({{f.left - 3, y}, {f.left, y}}, kPlotSoft, 0.6);
      drawing.text(f.left - 6, y + 3, tick_text(v), kPlotLetters, kPlotSoft, Drawing::Align::right);
    }
  }
  void finish(const Frame& f) {
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns[c].nan || columns[c].infinite) f.rail(from(c), to(c));
    f.box();
    f.steps();
  }
};

void draw_heatmap(Picture& p) {
  const ValueRows rows(p.total);
  const Frame f = p.frame(58);
  std::vector<double> filled;
  for (std::size_t c = 0; c < p.columns.size(); ++c)
    for (int r = 0; r < rows.size(); ++r)
      if (const double n = rows.count(p.stats[c], r); n > 0 && r != rows.zero_row()) filled.push_back(n);
  std::sort(filled.begin(), filled.end());
  const double most =
      filled.empty() ? 1 : filled[std::min(filled.size() - 1, std::size_t(0.998 * double(filled.size())))];
  const double tall = f.height / rows.size();
  for (std::size_t c = 0; c < p.columns.size(); ++c)
    for (int r = 0; r < rows.size(); ++r) {
      const double n = rows.count(p.stats[c], r);
      if (n > 0)
        p.drawing.rectangle(f.x(p.from(c)), f.top + tall * r, f.x(p.to(c)) - f.x(p.from(c)), tall,
                            blues(std::sqrt(std::min(1.0, n / most))));
    }
  p.value_axis(f, rows);
  p.finish(f);
  p.drawing.text(p.options.width - 14, 20, fmt::format("darkest: {:.0f} in a bin", most), kPlotLetters, kPlotSoft,
                 Drawing::Align::right);
}

void draw_bands(Picture& p) {
  const ValueRows rows(p.total);
  const Frame f = p.frame(58);
  const double tall = f.height / rows.size();
  const auto y = [&](double v) {
    const auto at = rows.position(v);
    return f.top + tall * (at ? *at : v > 0 ? 0 : rows.size());
  };
  const std::pair<int, Ink> kBands[] = {{0, {0.86, 0.91, 0.965}}, {1, {0.66, 0.79, 0.91}}, {2, {0.36, 0.6, 0.81}}};
  for (const auto& [k, ink] : kBands)
    for (std::size_t c = 0; c < p.columns.size(); ++c)
      if (const auto v = percentiles(p.stats[c])) {
        const double top = y((*v)[6 - k]), bottom = y((*v)[k]);
        p.drawing.rectangle(f.x(p.from(c)), top, f.x(p.to(c)) - f.x(p.from(c)), std::max(0.5, bottom - top), ink);
      }
  for (std::size_t c = 0; c < p.columns.size(); ++c)
    if (const auto v = percentiles(p.stats[c]))
      p.drawing.rectangle(f.x(p.from(c)), y((*v)[3]) - 0.75, f.x(p.to(c)) - f.x(p.from(c)), 1.5, {0.04, 0.16, 0.33});
  p.value_axis(f, rows);
  p.finish(f);
  p.drawing.text(p.options.width - 14, 20, "median; 25-75, 5-95, 1-99 %", kPlotLetters, kPlotSoft,
                 Drawing::Align::right);
}

void draw_ridge(Picture& p) {
  const ValueRows rows(p.total);
  const double left = 58, top = 34, width = p.options.width - left - 14, height = p.options.height - top - 30.0;
  const std::size_t n = std::min<std::size_t>(p.columns.size(), std::size_t(std::max(2.0, height / 9)));
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; k < n; ++k) chosen.push_back(n == 1 ? 0 : k * (p.columns.size() - 1) / (n - 1));
  const auto across = [&](double row) { return left + width * (1 - row / rows.size()); };
  // Shares by half octaves: of the two bins of an octave one is wider.
  const auto share = [&](const TensorStats& s, int r) {
    const double low = std::abs(rows.low(r)), high = std::abs(rows.high(r));
    const double octaves =
        r == rows.zero_row() || low == 0 || high == 0 || std::isinf(low + high) ? 0.5 : std::abs(std::log2(high / low));
    return rows.count(s, r) / std::max(1.0, double(s.finite())) / (2 * octaves);
  };
  double most = 1e-12;
  for (std::size_t c : chosen)
    for (int r = 0; r < rows.size(); ++r)
      if (r != rows.zero_row()) most = std::max(most, share(p.stats[c], r));
  const double gap = height / (double(n) + 2.4), tall = std::min(0.5 * height, 3.4 * gap);
  double free = left;
  std::vector<double> ticks = rows.ticks(20 * rows.size() / width);
  std::sort(ticks.begin(), ticks.end());
  for (double v : ticks) {
    const double x = across(*rows.position(v));
    p.drawing.line({{x, top}, {x, top + height}}, {0.9, 0.92, 0.94}, 0.7);
    if (x - 14 < free || x + 14 > left + width) continue;
    p.drawing.text(x, top + height + 16, tick_text(v), kPlotLetters, kPlotSoft, Drawing::Align::centre);
    free = x + 22;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const double base = top + height - gap * double(n - 1 - k);
    Drawing::Points outline = {{left, base}};
    for (int r = rows.size() - 1; r >= 0; --r)
      outline.push_back({across(r + 0.5), base - tall * std::min(1.15, share(p.stats[chosen[k]], r) / most)});
    outline.push_back({left + width, base});
    p.drawing.area(outline, between({{0.76, 0.85, 0.94}, {0.06, 0.29, 0.54}}, n == 1 ? 1 : double(k) / double(n - 1)));
    p.drawing.line(outline, {1, 1, 1}, 0.7);
    if ((n - 1 - k) % std::size_t(std::ceil(12 / gap)) == 0)
      p.drawing.text(left - 6, base, fmt::format("{}", long(p.from(chosen[k]))), kPlotLetters, kPlotSoft,
                     Drawing::Align::right);
  }
}

Quantity quantity_of(const std::string& name) {
  std::string names;
  for (int q = 0; q < kQuantities; ++q) {
    if (name == name_of(Quantity(q))) return Quantity(q);
    names += (q ? ", " : "") + std::string(name_of(Quantity(q)));
  }
  throw UserError(fmt::format("--quantity {} is not known; choose one of {}", name, names));
}

}  // namespace

std::string plot(const RunReader& run, const PlotOptions& options, bool svg) {
  if (options.view == "ecg") return plot_ecg(run, options, svg);
  const auto& tensors = run.tensors();
  const auto at =
      std::find_if(tensors.begin(), tensors.end(), [&](const TensorRow& t) { return t.name == options.tensor; });
  if (at == tensors.end())
    throw UserError(fmt::format("the run has no tensor '{}'; heartbeat top --tensors lists them", options.tensor));
  const int tensor = int(at - tensors.begin());
  const Quantity quantity = quantity_of(options.quantity);
  HistogramMerger merger({.columns = options.columns, .quantities = {quantity}, .tensor = tensor});
  run.watch(options.steps, [&](const WatchRow& w) { merger.add(w); });
  Picture p{options, Drawing(options.width, options.height, svg), merger.axis(), merger.columns(tensor, quantity), {},
            {}};
  if (p.columns.empty())
    throw UserError(fmt::format("the run has no {} of {} at these steps", options.quantity, options.tensor));
  for (const MergedHistogram& column : p.columns) {
    p.stats.push_back(unpacked(column));
    for (int k = 0; k < kBins; ++k) p.total.bins[std::size_t(k)] += p.stats.back().bins[std::size_t(k)];
  }
  p.drawing.text(14, 20, options.quantity + "/" + options.tensor, 12, kPlotInk);
  if (options.view == "heatmap")
    draw_heatmap(p);
  else if (options.view == "bands")
    draw_bands(p);
  else
    draw_ridge(p);
  return p.drawing.bytes();
}

void write_plot(const RunReader& run, const PlotOptions& options, const std::string& path) {
  const bool svg = path.size() > 4 && path.substr(path.size() - 4) == ".svg";
  if (!svg && (path.size() < 5 || path.substr(path.size() - 4) != ".png"))
    throw UserError(fmt::format("{} ends neither in .png nor in .svg; choose one", path));
  const std::string bytes = plot(run, options, svg);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (!file) throw UserError(fmt::format("the picture cannot be written to {}; choose another place with -o", path));
}

}  // namespace heartbeat
