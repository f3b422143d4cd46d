#include "tools/top/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "nn/watch.h"
#include "tools/report/run_json.h"
#include "tools/top/marks.h"

namespace heartbeat {

using namespace top;

namespace {

std::string state_of(const RunPulse& pulse, double now) {
  if (!pulse.outcome().empty()) return tame(pulse.outcome());
  const double silent = now - pulse.last_step().wall_time, usual = pulse.seconds_of_a_step();
  if (pulse.steps() == 0) return "waiting for the first step";
  if (silent > std::max(30.0, 10 * usual)) return "no step for " + duration(silent);
  return "running";
}

std::string held_out(const RunPulse& pulse) {
  for (const char* name : {"valid/loss", "test/loss"})
    if (const double v = pulse.scalar(name); !std::isnan(v)) return fmt::format("{} {}", name, figure(v));
  return "";
}

std::string accuracy_of(const RunPulse& pulse) {
  for (const char* name : {"valid/cb8/long@L/5", "valid/accuracy", "test/accuracy"})
    if (const double v = pulse.scalar(name); !std::isnan(v)) return fmt::format("{} {:.4f}", name, v);
  return "";
}

std::vector<std::size_t> chosen(const RunPulse& pulse, const TopView& view) {
  const auto& layers = pulse.layers();
  std::vector<std::size_t> list;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const std::string& name = layers[k].name;
    const bool glob = view.filter.find('*') != std::string::npos;
    if (glob ? nn::matches_any(view.filter, name) : name.find(view.filter) != std::string::npos) list.push_back(k);
  }
  const auto key = [&](std::size_t k) {
    const Layer& l = layers[k];
    const double v = view.order == TopOrder::gradient ? l.gradient
                     : view.order == TopOrder::ratio  ? l.ratio
                     : view.order == TopOrder::broken ? double(l.broken)
                                                      : -double(k);
    return std::isnan(v) ? -INFINITY : v;  // at the end
  };
  std::stable_sort(list.begin(), list.end(), [&](auto a, auto b) { return key(a) > key(b); });
  if (view.reverse) std::reverse(list.begin(), list.end());
  return list;
}

// Widths of the table's columns; a narrow terminal leaves the last ones out.
struct Table {
  int name = 8, ratio = 0, bar = 0, gradient = 0, spark = 0;
  explicit Table(int columns, int longest) {
    int left = columns - name;
    const auto take = [&](int& width, int cells) {
      if (left >= cells + 1) width = cells, left -= cells + 1;
    };
    take(ratio, 7);
    take(bar, 15);
    take(gradient, 8);
    take(spark, 8);
    const int more = std::clamp(longest - name, 0, left);
    name += more, left -= more;
    if (spark) spark += std::min(left, 52), left -= std::min(left, 52);
    if (bar && left > 0) bar += std::min(left, 20);
  }
};

std::string layer_line(Style style, const Layer& layer, const Table& t) {
  std::string line = painted(style, layer.broken ? Paint::red : Paint::plain, cut_left(tame(layer.name), t.name));
  const bool good = layer.ratio >= kSlow && layer.ratio <= kFast;
  if (t.ratio)
    line += " " + painted(style, std::isnan(layer.ratio) || good ? Paint::plain : Paint::orange,
                          fmt::format("{:>7}", std::isnan(layer.ratio) ? "-" : fmt::format("{:.1e}", layer.ratio)));
  if (t.bar) line += " " + ratio_bar(style, layer.ratio, t.bar);
  if (t.gradient)
    line +=
        " " + (layer.broken
                   ? painted(style, Paint::red,
                             fmt::format("{:>8}", fmt::format("{}!", std::min<std::uint64_t>(layer.broken, 999'999))))
                   : fmt::format("{:>8}", std::isnan(layer.gradient) ? "-" : fmt::format("{:.1e}", layer.gradient)));
  if (t.spark)
    line +=
        " " + sparkline(style, {layer.gradients.begin(), layer.gradients.end()}, t.spark, /*log=*/true, Paint::blue);
  return line;
}

constexpr char kSortSign = '\1';  // one letter wide until it is shown
std::string table_head(const TopView& view, const Table& t) {
  // Beside the name of the column that sorts: before it where numbers end at its right, so that no name moves.
  const auto left = [&](TopOrder order, const std::string& text) {
    return view.order == order ? text + " " + kSortSign : text;
  };
  const auto right = [&](TopOrder order, const std::string& text) {
    return view.order == order ? kSortSign + (" " + text) : text;
  };
  std::string line = fmt::format("{:<{}}", left(TopOrder::model, "layer"), t.name);
  if (t.ratio) line += fmt::format(" {:>7}", right(TopOrder::ratio, "ratio"));
  if (t.bar) line += fmt::format(" {:<{}}", "  1e-4 .. 1e-2", t.bar);
  if (t.gradient) line += fmt::format(" {:>8}", right(TopOrder::gradient, "|grad|"));
  if (t.spark)
    line += fmt::format(
        " {:<{}}", cut(view.order == TopOrder::broken ? left(TopOrder::broken, "broken") : "recent steps", t.spark),
        t.spark);
  return line;
}

// The line as the terminal gets it, in width columns.
std::string shown_head(const TopView& view, const Table& t, int width) {
  std::string line = fmt::format("{:<{}}", cut(table_head(view, t), width), width);
  if (const std::size_t at = line.find(kSortSign); at != std::string::npos)
    line.replace(at, 1, view.utf8 ? (view.reverse ? "▴" : "▾") : (view.reverse ? "^" : "v"));
  return line;
}

}  // namespace

std::vector<std::string> top_screen(const RunPulse& pulse, TopView& view, TopSize size, double now) {
  const int w = std::max(1, size.columns), h = std::max(1, size.rows);
  const Style style{view.utf8, view.colour};
  const StepRow& step = pulse.last_step();
  const std::string state = state_of(pulse, now);
  const double seconds = pulse.seconds_of_a_step(), loss = pulse.losses().empty() ? NAN : pulse.losses().back().value;
  std::vector<std::string> head, tail, middle;

  const std::string place = fmt::format("step {}", step.step);
  head.push_back(painted(style, Paint::bold,
                         w < 50 ? joined({place, state}, w)
                                : joined({tame(name_of_run(pulse.run())), place, state,
                                          step.step ? fmt::format("epoch {:.2f}", step.epoch) : ""},
                                         w)));
  const bool lost = !pulse.losses().empty() && !std::isfinite(loss);
  head.push_back(painted(
      style, lost ? Paint::red : Paint::plain,
      joined({lost ? "loss " + figure(loss) : "loss " + figure(pulse.smooth_loss()), duration(seconds) + " a step",
              held_out(pulse), accuracy_of(pulse), "lr " + figure(pulse.scalar("lr")),
              "|gradients| " + figure(pulse.scalar("gradients/global_norm"))},
             w)));
  if (h >= 4) {
    std::vector<double> losses;
    for (const auto& l : pulse.losses()) losses.push_back(l.value);
    const int label = w >= 40 ? 6 : 0;
    head.push_back((label ? painted(style, Paint::dim, "loss  ") : "") +
                   sparkline(style, losses, w - label, false, Paint::blue));
  }
  if (h >= 8) {  // the pulse: a beat for each of the last steps, tall where the step was slow
    std::vector<double> beats;
    for (std::size_t k = 1; k < pulse.beats().size(); ++k)
      beats.push_back(pulse.beats()[k].bad ? NAN : pulse.beats()[k].wall_time - pulse.beats()[k - 1].wall_time);
    const int label = w >= 40 ? 6 : 0;
    const long room = w - label;
    if (long(beats.size()) > room) beats.erase(beats.begin(), beats.end() - room);
    head.push_back((label ? painted(style, Paint::dim, "pulse ") : "") +
                   sparkline(style, beats, int(room), false, Paint::plain));
  }

  // The gravest alerts first, the newest of them on top.
  std::vector<AlertRow> alerts = pulse.alerts();
  std::reverse(alerts.begin(), alerts.end());
  const auto grave = [](const AlertRow& a) {
    return std::string("IWEF").find(a.severity.empty() ? ' ' : a.severity[0]);
  };
  std::stable_sort(alerts.begin(), alerts.end(), [&](auto& a, auto& b) { return long(grave(a)) > long(grave(b)); });
  const int most_alerts = h >= 16 ? 4 : h >= 5 ? 1 : 0;
  for (int k = 0; k < std::min<int>(most_alerts, int(alerts.size())); ++k) {
    const AlertRow& a = alerts[k];
    const std::string when = w < 50 ? "" : fmt::format(" step {}", a.step);
    const std::string text = fmt::format("{} {}{} {}: {}", a.severity, a.rule, when, a.tensor, a.text);
    tail.push_back(painted(style, grave(a) >= 2 && grave(a) <= 3 ? Paint::red : Paint::orange, cut(tame(text), w)));
  }
  if (long(alerts.size()) > most_alerts && most_alerts > 1)
    tail.push_back(cut(fmt::format("and {} more; heartbeat report has them all", alerts.size() - most_alerts), w));
  if (alerts.empty() && h >= 16) tail.push_back(painted(style, Paint::dim, cut("no alerts in this log", w)));

  const std::vector<std::size_t> layers = chosen(pulse, view);
  int room = h - int(head.size() + tail.size()) - 1;  // the last line is the keys'
  if (room >= 3) {
    std::size_t longest = 0;
    for (const Layer& l : pulse.layers()) longest = std::max(longest, l.name.size());
    const Table table(w, int(std::min<std::size_t>(longest, 40)));
    middle.push_back(painted(style, Paint::inverse, shown_head(view, table, w)));
    --room;
    view.first = std::clamp(view.first, 0L, std::max(0L, long(layers.size()) - room));
    for (long k = view.first; k < std::min<long>(view.first + room, long(layers.size())); ++k)
      middle.push_back(layer_line(style, pulse.layers()[layers[k]], table));
    if (layers.empty())
      middle.push_back(cut(pulse.layers().empty() ? "this run has watched no tensors" : "no layer has such a name", w));
  }
  std::string keys = view.typing ? "/" + tame(view.filter) + "_"
                                 : joined({"q quit", view.filter.empty() ? "/ filter" : "/" + tame(view.filter),
                                           "left right sort", "r reverse", "up down scroll",
                                           fmt::format("{} of {} layers", layers.size(), pulse.layers().size())},
                                          w);
  std::vector<std::string> lines = std::move(head);
  lines.insert(lines.end(), middle.begin(), middle.end());
  if (int(lines.size() + tail.size()) > h - 1)
    lines.resize(std::min<std::size_t>(lines.size(), std::max(1, h - 1 - int(tail.size()))));
  while (int(lines.size() + tail.size()) < h - 1) lines.push_back("");
  lines.insert(lines.end(), tail.begin(), tail.end());
  if (h > 1) lines.push_back(painted(style, Paint::dim, cut(keys, w)));
  lines.resize(std::size_t(h));
  return lines;
}

std::string top_line(const RunPulse& pulse) {
  std::string line = fmt::format("step {}  epoch {:.2f}", pulse.last_step().step, pulse.last_step().epoch);
  if (!pulse.losses().empty()) {
    const double last = pulse.losses().back().value;
    line += fmt::format("  loss {}", figure(std::isfinite(last) ? pulse.smooth_loss() : last));
  }
  line += fmt::format("  {} a step", duration(pulse.seconds_of_a_step()));
  for (const std::string& part : {held_out(pulse), accuracy_of(pulse)})
    if (!part.empty()) line += "  " + part;
  const Layer *least = nullptr, *most = nullptr;
  std::uint64_t broken = 0;
  for (const Layer& l : pulse.layers()) {
    broken += l.broken;
    if (std::isnan(l.ratio)) continue;
    if (!least || l.ratio < least->ratio) least = &l;
    if (!most || l.ratio > most->ratio) most = &l;
  }
  if (least)
    line += fmt::format("  update ratio {:.1e} ({}) to {:.1e} ({})", least->ratio, tame(least->name), most->ratio,
                        tame(most->name));
  if (broken) line += fmt::format("  {} gradients are no number", broken);
  if (!pulse.alerts().empty()) line += fmt::format("  {} alerts", pulse.alerts().size());
  if (!pulse.outcome().empty()) line += "  " + tame(pulse.outcome());
  return line;
}

}  // namespace heartbeat
