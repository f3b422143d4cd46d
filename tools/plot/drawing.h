// A picture for papers, as PNG or SVG: the same calls give the same bytes, whatever the screen.
#pragma once

#include <string>
#include <utility>
#include <vector>

struct _cairo;
struct _cairo_surface;

namespace heartbeat {

struct Ink {
  double red = 0, green = 0, blue = 0, alpha = 1;
};

class Drawing {
 public:
  enum class Align { left, centre, right };
  using Points = std::vector<std::pair<double, double>>;

  // Sizes in points; a PNG has two pixels to each. White.
  Drawing(int width, int height, bool svg);
  ~Drawing();
  Drawing(const Drawing&) = delete;

  void rectangle(double x, double y, double width, double height, Ink ink);  // edges are not smoothed
  void line(const Points& points, Ink ink, double width, bool dashed = false);
  void area(const Points& points, Ink ink);  // closed
  void text(double x, double baseline, const std::string& text, double size, Ink ink, Align align = Align::left);
  std::string bytes();  // once, at the end

 private:
  void path(const Points& points);

  bool svg_;
  std::string out_;
  _cairo_surface* surface_;
  _cairo* cairo_;
};

}  // namespace heartbeat
