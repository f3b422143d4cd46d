// What a line of the terminal is made of: letters, colours, sparklines, bars.
#pragma once

#include <string>
#include <vector>

namespace heartbeat::top {

// Between these update ratios a tensor learns at a good pace.
inline constexpr double kSlow = 1e-4, kFast = 1e-2;

struct Style {
  bool utf8 = true, colour = true;
};

// Blue and orange: colour-blind readers tell them apart, and every colour only repeats what a sign says.
enum class Paint { plain, dim, bold, blue, orange, red, inverse };
std::string painted(Style style, Paint paint, const std::string& text);

// Names come from anywhere: no control characters reach the terminal.
std::string tame(const std::string& text);
std::string cut(const std::string& text, int columns);
// The end of a dotted name says more than its beginning; filled up with spaces.
std::string cut_left(const std::string& text, int columns);
std::string figure(double value);      // "-" for NaN
std::string duration(double seconds);  // "210 ms"
// Parts in order of worth, two spaces between them, as many as fit.
std::string joined(const std::vector<std::string>& parts, int columns);

// One cell for each group of values: height between the least and the greatest, '!' for values that are no number.
std::string sparkline(Style style, const std::vector<double>& values, int cells, bool log, Paint paint);
// The ratio on a logarithmic axis from 1e-7 to 1, with the good band drawn beneath it.
std::string ratio_bar(Style style, double ratio, int cells);

// Columns that a line takes on a terminal: escape sequences take none.
int shown_width(const std::string& line);

}  // namespace heartbeat::top
