#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "graph/counter_random.h"
#include "tools/mnist/digits.h"

namespace heartbeat {
namespace {

struct Point {
  double x, y;  // in a box of height 1, y downwards
};
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

constexpr double kTurn = 2 * std::numbers::pi;

// A piece of an ellipse; angles in turns, 0 to the right, growing clockwise.
Stroke arc(Point centre, double rx, double ry, double from, double to) {
  constexpr int kPieces = 20;
  Stroke points;
  for (int k = 0; k <= kPieces; ++k) {
    const double angle = kTurn * (from + (to - from) * k / kPieces);
    points.push_back({centre.x + rx * std::cos(angle), centre.y + ry * std::sin(angle)});
  }
  return points;
}

// Straight lines get points in between, so that they can be bent.
Stroke lines(std::initializer_list<Point> corners) {
  constexpr int kPieces = 8;
  Stroke points;
  for (auto next = corners.begin(); next != corners.end(); ++next) {
    if (!points.empty()) {
      const Point last = points.back();
      for (int k = 1; k < kPieces; ++k) {
        const double t = double(k) / kPieces;
        points.push_back({last.x + t * (next->x - last.x), last.y + t * (next->y - last.y)});
      }
    }
    points.push_back(*next);
  }
  return points;
}

Stroke joined(Stroke a, const Stroke& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Two ways of writing each digit.
const std::array<std::array<Glyph, 2>, kDigitClasses>& alphabet() {
  static const std::array<std::array<Glyph, 2>, kDigitClasses> glyphs = {{
      {{{arc({.5, .5}, .27, .4, 0, 1)}, {arc({.5, .5}, .2, .4, .7, 1.62)}}},
      {{{lines({{.5, .1}, {.5, .9}})}, {lines({{.36, .27}, {.54, .1}, {.54, .9}}), lines({{.4, .9}, {.68, .9}})}}},
      {{{joined(arc({.5, .32}, .24, .22, .5, 1.08), lines({{.68, .5}, {.25, .88}, {.78, .88}}))},
        {joined(arc({.48, .32}, .22, .22, .55, 1.1), arc({.36, .78}, .1, .1, .9, .2)),
         lines({{.4, .86}, {.76, .84}})}}},
      {{{joined(arc({.48, .3}, .22, .19, .58, 1.25), arc({.48, .69}, .26, .21, .75, 1.42))},
        {joined(lines({{.28, .12}, {.72, .12}, {.48, .42}}), arc({.48, .66}, .25, .24, .75, 1.4))}}},
      {{{lines({{.62, .1}, {.22, .62}, {.82, .62}}), lines({{.62, .36}, {.62, .92}})},
        {lines({{.3, .1}, {.26, .52}, {.76, .52}}), lines({{.74, .12}, {.68, .92}})}}},
      {{{joined(lines({{.74, .12}, {.34, .12}, {.3, .45}}), arc({.48, .65}, .26, .24, .62, 1.38))},
        {joined(lines({{.34, .14}, {.3, .44}}), arc({.46, .66}, .27, .23, .65, 1.4)), lines({{.34, .14}, {.78, .1}})}}},
      {{{joined(lines({{.64, .1}, {.36, .4}}), arc({.5, .66}, .24, .24, .5, 1.5))},
        {joined(arc({.66, .5}, .4, .42, .75, .5), arc({.48, .7}, .22, .2, .5, 1.5))}}},
      {{{lines({{.22, .12}, {.78, .12}, {.42, .9}})},
        {lines({{.24, .14}, {.76, .12}, {.5, .9}}), lines({{.4, .5}, {.74, .48}})}}},
      {{{arc({.5, .3}, .2, .19, 0, 1), arc({.5, .69}, .25, .21, 0, 1)},
        {joined(arc({.52, .3}, .2, .18, 0, -.62), arc({.48, .68}, .24, .22, -.2, .72))}}},
      {{{joined(arc({.5, .34}, .23, .23, 0, -1), lines({{.73, .34}, {.66, .9}}))},
        {joined(arc({.52, .34}, .22, .22, 0, -1), arc({.36, .52}, .38, .38, .97, 1.3))}}},
  }};
  return glyphs;
}

// One way of holding the pen.
struct Hand {
  explicit Hand(CounterRandom& draw)
      : turn(draw.uniform(-0.28, 0.28)),
        slant(draw.uniform(-0.15, 0.45)),
        width(draw.uniform(0.7, 1.15) * 20),
        height(draw.uniform(0.85, 1.1) * 20),
        shift{draw.uniform(-2, 2), draw.uniform(-2, 2)},
        thickness(draw.uniform(0.7, 1.9)),
        ink(draw.uniform(0.75, 1)) {
    for (double& b : bend) b = draw.uniform(-0.05, 0.05);
    for (double& p : phase) p = draw.uniform(0, kTurn);
  }

  // From the glyph's box to pixels.
  Point place(Point p) const {
    const double x =
        p.x - 0.5 + bend[0] * std::sin(kTurn * p.y + phase[0]) + bend[1] * std::sin(kTurn * p.x + phase[1]);
    const double y =
        p.y - 0.5 + bend[2] * std::sin(kTurn * p.x + phase[2]) + bend[3] * std::sin(kTurn * p.y + phase[3]);
    const double u = width * (x - slant * y), v = height * y, c = std::cos(turn), s = std::sin(turn);
    return {kDigitSide / 2. + shift.x + c * u - s * v, kDigitSide / 2. + shift.y + s * u + c * v};
  }

  double turn, slant, width, height;
  Point shift;
  double thickness, ink, bend[4], phase[4];
};

double distance(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const double t = length == 0 ? 0 : std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0);
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

// Darkens the pixels near a piece of a stroke, with an edge one pixel wide.
void ink_segment(Point a, Point b, const Hand& hand, double* canvas) {
  const double reach = hand.thickness + 1;
  const auto pixel = [](double x) { return std::clamp(int(x), 0, kDigitSide - 1); };
  for (int y = pixel(std::min(a.y, b.y) - reach); y <= pixel(std::max(a.y, b.y) + reach); ++y)
    for (int x = pixel(std::min(a.x, b.x) - reach); x <= pixel(std::max(a.x, b.x) + reach); ++x) {
      const double covered = hand.thickness + 0.5 - distance({x + 0.5, y + 0.5}, a, b);
      double& at = canvas[y * kDigitSide + x];
      at = std::max(at, hand.ink * std::clamp(covered, 0.0, 1.0));
    }
}

void draw_digit(int digit, CounterRandom draw, std::uint8_t* pixels) {
  const Glyph& glyph = alphabet()[digit][draw.below(2)];
  const Hand hand(draw);
  double canvas[kDigitPixels] = {};
  for (const Stroke& stroke : glyph)
    for (std::size_t k = 1; k < stroke.size(); ++k)
      ink_segment(hand.place(stroke[k - 1]), hand.place(stroke[k]), hand, canvas);
  // Dust, and a scratch that is no part of the digit.
  const Point a{draw.uniform(0, kDigitSide), draw.uniform(0, kDigitSide)},
      b{a.x + draw.uniform(-6, 6), a.y + draw.uniform(-6, 6)};
  if (draw.chance(0.5)) ink_segment(a, b, hand, canvas);
  for (int k = 0; k < kDigitPixels; ++k) {
    const double dust = draw.chance(0.03) ? draw.uniform(0, 0.7) : 0;
    pixels[k] = std::uint8_t(std::lround(255 * std::min(1.0, std::max(canvas[k], dust))));
  }
}

}  // namespace

DigitSet draw_digits(long count, std::uint64_t seed) {
  DigitSet set{std::vector<std::uint8_t>(count * kDigitPixels), std::vector<std::uint8_t>(count)};
#pragma omp parallel for schedule(static)
  for (long n = 0; n < count; ++n) {
    CounterRandom draw({seed, std::uint64_t(n)});
    set.labels[n] = std::uint8_t(draw.below(kDigitClasses));
    draw_digit(set.labels[n], draw, set.pixels.data() + n * kDigitPixels);
  }
  return set;
}

}  // namespace heartbeat
