#include "tools/plot/frame.h"

#include <fmt/format.h>

#include <cmath>

namespace heartbeat {

Ink between(std::initializer_list<Ink> stops, double t) {
  const double at = std::clamp(t, 0.0, 1.0) * double(stops.size() - 1);
  const auto k = std::min<std::size_t>(std::size_t(at), stops.size() - 2);
  const Ink a = stops.begin()[k], b = stops.begin()[k + 1];
  const double f = at - double(k);
  return {a.red + f * (b.red - a.red), a.green + f * (b.green - a.green), a.blue + f * (b.blue - a.blue)};
}
void Frame::steps() const {
  const double span = double(last + 1 - first), rough = span / 6;
  double unit = std::pow(10, std::floor(std::log10(std::max(1.0, rough))));
  for (double m : {1.0, 2.0, 5.0, 10.0})
    if (m * unit >= rough) {
      unit *= m;
      break;
    }
  const long step = std::max(1L, std::lround(unit));
  for (long s = (first + step - 1) / step * step; s <= last; s += step)
    drawing.text(x(double(s) + 0.5), top + height + 20, fmt::format("{}", s), kPlotLetters, kPlotSoft,
                 Drawing::Align::centre);
  drawing.text(left + width, top + height + 33, "step", kPlotLetters, kPlotSoft, Drawing::Align::right);
}
}  // namespace heartbeat
