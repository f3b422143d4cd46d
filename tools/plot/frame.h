// What the pictures of `heartbeat plot` share: colours, and a frame with steps from left to right.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "tools/plot/drawing.h"

namespace heartbeat {

inline constexpr Ink kPlotInk{0.09, 0.13, 0.18}, kPlotSoft{0.36, 0.4, 0.47}, kPlotRed{0.81, 0.18, 0.23},
    kPlotPaper{0.984, 0.988, 0.992};
inline constexpr double kPlotLetters = 9;

// Between colours; t in 0..1.
Ink between(std::initializer_list<Ink> stops, double t);

// The frame of a picture with steps from left to right.
struct Frame {
  Drawing& drawing;
  double left, top, width, height;
  long first, last;  // steps

  double x(double step) const { return left + width * (step - double(first)) / double(last + 1 - first); }
  void steps() const;  // their labels
  void box() const {
    const double r = left + width, b = top + height;
    drawing.line({{left, top}, {r, top}, {r, b}, {left, b}, {left, top}}, {0.82, 0.85, 0.89}, 0.8);
  }
  // A red mark under each column with NaN or infinities.
  void rail(double from, double to) const {
    drawing.rectangle(x(from), top + height + 2.5, std::max(1.5, x(to) - x(from)), 4.5, kPlotRed);
  }
};

}  // namespace heartbeat
