// Points and directions in space, in angstrom.
#pragma once

#include <array>
#include <cmath>

namespace heartbeat {

using Point = std::array<double, 3>;

inline Point operator-(const Point& a, const Point& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline Point operator+(const Point& a, const Point& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
inline Point operator*(double s, const Point& a) {
  return {s * a[0], s * a[1], s * a[2]};
}
inline double dot(const Point& a, const Point& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline Point cross(const Point& a, const Point& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double distance(const Point& a, const Point& b) {
  return std::sqrt(dot(a - b, a - b));
}

// Where C-beta stands on an ideal backbone (protein.md 2.3).
inline Point virtual_c_beta(const Point& n, const Point& ca, const Point& c) {
  const Point u = ca - n, v = c - ca;
  return ca + (-0.58273431 * cross(u, v)) + (0.56802827 * u) + (-0.54067466 * v);
}

}  // namespace heartbeat
