// A picture under construction: exact pixels for the cells of maps, cairo for letters and curves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct _cairo;
struct _cairo_surface;

namespace heartbeat {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  static constexpr Colour grey(std::uint8_t g) { return {g, g, g}; }
};

class Canvas {
 public:
  enum class Align { left, centre, right };

  Canvas(int width, int height);  // white
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  // Rectangles of whole pixels. darken keeps what is darker already; hatch draws thin diagonal lines that meet those of
  // neighbouring rectangles.
  void fill(int x, int y, int width, int height, Colour colour);
  void darken(int x, int y, int width, int height, Colour colour);
  void hatch(int x, int y, int width, int height, Colour colour);
  void frame(int x, int y, int width, int height, Colour colour);  // one pixel wide, around the rectangle

  void text(double x, double baseline, const std::string& text, double size, Colour colour, Align align = Align::left,
            bool bold = false);
  double text_width(const std::string& text, double size, bool bold = false);
  // The text, or its beginning and an ellipsis, not wider than width. What is not ASCII is shown as '?': names may hold
  // any bytes, and cairo stops drawing at bytes that are no UTF-8.
  std::string fitted(const std::string& text, double size, double width, bool bold = false);
  // A closed polygon of points x0, y0, x1, y1, ...
  void polygon(const std::vector<double>& points, Colour colour);

  int width() const { return width_; }
  int height() const { return height_; }
  std::string png();

 private:
  template <class F>
  void each_pixel(int x, int y, int width, int height, F f);
  void set_font(double size, bool bold);

  int width_, height_;
  std::vector<std::uint32_t> pixels_;  // 0x00RRGGBB, rows without padding
  _cairo_surface* surface_;
  _cairo* cairo_;
};

}  // namespace heartbeat
