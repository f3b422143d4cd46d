// Learning rate over a run, as a function of progress in [0, 1]: elapsed of a time budget, or step of a number of
// steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heartbeat::nn {

struct Schedule {
  enum class Shape { constant, cosine };

  double peak = 1e-3;
  double warm_up = 0.05;  // share of the run spent rising linearly to the peak
  double start = 0.1;     // of the peak, at the first step: never 0, which would waste it
  double floor = 0.01;    // of the peak, at the end of the cosine
  Shape shape = Shape::cosine;

  double at(double progress) const {
    progress = std::clamp(progress, 0.0, 1.0);
    if (progress < warm_up) return peak * (start + (1 - start) * progress / warm_up);
    if (shape == Shape::constant || warm_up >= 1) return peak;
    const double turn = (progress - warm_up) / (1 - warm_up);
    return peak * (floor + (1 - floor) * (1 + std::cos(std::numbers::pi * turn)) / 2);
  }
  // step counted from 0; the last one, steps - 1, is at the floor.
  double at_step(long step, long steps) const { return at(steps > 1 ? double(step) / double(steps - 1) : 1); }
};

}  // namespace heartbeat::nn
