#include "tools/top/marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/common/progress.h"

namespace heartbeat::top {
namespace {

constexpr double kLowest = 1e-7, kHighest = 1;

}  // namespace

std::string painted(Style style, Paint ink, const std::string& text) {
  constexpr const char* kCodes[] = {"", "2", "1", "34", "33", "1;31", "7"};
  if (!style.colour || ink == Paint::plain || text.empty()) return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[int(ink)], text);
}

std::string tame(const std::string& text) {
  std::string out;
  for (char c : text) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

std::string cut(const std::string& text, int columns) {
  if (int(text.size()) <= columns) return text;
  return columns <= 0 ? "" : columns < 3 ? text.substr(0, columns) : text.substr(0, columns - 1) + "~";
}

std::string cut_left(const std::string& text, int columns) {
  if (int(text.size()) <= columns) return text + std::string(columns - text.size(), ' ');
  return columns < 3 ? text.substr(0, std::max(0, columns)) : "~" + text.substr(text.size() - columns + 1);
}

std::string figure(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value != 0 && (std::abs(value) < 1e-3 || std::abs(value) >= 1e5) ? fmt::format("{:.1e}", value)
                                                                          : fmt::format("{:.4g}", value);
}

std::string duration(double seconds) {
  if (std::isnan(seconds)) return "-";
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  return seconds < 100 ? fmt::format("{:.1f} s", seconds) : format_seconds(seconds);
}

std::string joined(const std::vector<std::string>& parts, int columns) {
  std::string line;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (line.empty())
      line = cut(part, columns);
    else if (int(line.size() + 2 + part.size()) <= columns)
      line += "  " + part;
  }
  return line;
}

std::string sparkline(Style style, const std::vector<double>& values, int cells, bool log, Paint ink) {
  constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr const char* kLetters[] = {"_", ".", ",", "-", "=", "+", "*", "#"};
  const long n = long(values.size()), shown = std::min<long>(n, cells);
  std::vector<double> heights;
  std::vector<bool> broken;
  for (long c = 0; c < shown; ++c) {
    double sum = 0, count = 0;
    bool bad = false;
    for (long k = c * n / shown; k < (c + 1) * n / shown; ++k) {
      const double v = log ? std::log(values[k]) : values[k];
      if (std::isfinite(v)) sum += v, ++count;
      bad = bad || !std::isfinite(values[k]);
    }
    heights.push_back(sum / count), broken.push_back(bad);
  }
  double low = INFINITY, high = -INFINITY;
  for (double h : heights)
    if (std::isfinite(h)) low = std::min(low, h), high = std::max(high, h);
  std::string line(std::size_t(cells - shown), ' ');
  for (long c = 0; c < shown; ++c) {
    if (broken[c] || !std::isfinite(heights[c])) {
      line += broken[c] ? painted(style, Paint::red, "!") : " ";
      continue;
    }
    const int level = high > low ? std::min(7, int(8 * (heights[c] - low) / (high - low))) : 3;
    line += painted(style, ink, style.utf8 ? kBlocks[level] : kLetters[level]);
  }
  return line;
}

std::string ratio_bar(Style style, double ratio, int cells) {
  const auto cell_of = [&](double v) {
    return int(std::lround((cells - 1) * std::clamp(std::log(v / kLowest) / std::log(kHighest / kLowest), 0.0, 1.0)));
  };
  const int from = cell_of(kSlow), to = cell_of(kFast);
  const int at = std::isfinite(ratio) && ratio > 0 ? cell_of(ratio) : -1;
  const Paint ink = ratio >= kSlow && ratio <= kFast ? Paint::blue : Paint::orange;
  std::string bar;
  for (int c = 0; c < cells; ++c) {
    if (c == at)
      bar += painted(style, ink, style.utf8 ? "◆" : "O");
    else
      bar += painted(style, Paint::dim,
                     c == from            ? "["
                     : c == to            ? "]"
                     : c > from && c < to ? (style.utf8 ? "─" : "-")
                                          : " ");
  }
  return bar;
}

int shown_width(const std::string& line) {
  int width = 0;
  for (std::size_t k = 0; k < line.size(); ++k) {
    if (line[k] == '\x1b') {
      while (k < line.size() && line[k] != 'm') ++k;
    } else {
      width += (line[k] & 0xc0) != 0x80;  // not in the middle of a UTF-8 character
    }
  }
  return width;
}

}  // namespace heartbeat::top
