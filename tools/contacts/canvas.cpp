#include "tools/contacts/canvas.h"

#include <cairo.h>

#include <algorithm>
#include <stdexcept>

#include "tools/common/cairo.h"

namespace heartbeat {
namespace {

constexpr int kHatchPeriod = 5;  // pixels between lines, along a row

std::uint32_t packed(Colour c) {
  return std::uint32_t(c.red) << 16 | std::uint32_t(c.green) << 8 | c.blue;
}

}  // namespace

Canvas::Canvas(int width, int height)
    : width_(width), height_(height), pixels_(std::size_t(width) * height, packed(Colour::grey(255))) {
  surface_ = cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(pixels_.data()), CAIRO_FORMAT_RGB24,
                                                 width, height, 4 * width);
  cairo_ = steady_context(surface_);
}

Canvas::~Canvas() {
  cairo_destroy(cairo_);
  cairo_surface_destroy(surface_);
}

template <class F>
void Canvas::each_pixel(int x, int y, int width, int height, F f) {
  cairo_surface_flush(surface_);
  for (int row = std::max(y, 0); row < std::min(y + height, height_); ++row)
    for (int column = std::max(x, 0); column < std::min(x + width, width_); ++column)
      f(pixels_[std::size_t(row) * width_ + column], column, row);
  cairo_surface_mark_dirty(surface_);
}

void Canvas::fill(int x, int y, int width, int height, Colour colour) {
  each_pixel(x, y, width, height, [&](std::uint32_t& pixel, int, int) { pixel = packed(colour); });
}

void Canvas::darken(int x, int y, int width, int height, Colour c) {
  each_pixel(x, y, width, height, [&](std::uint32_t& pixel, int, int) {
    pixel = packed({std::min(c.red, std::uint8_t(pixel >> 16)), std::min(c.green, std::uint8_t(pixel >> 8)),
                    std::min(c.blue, std::uint8_t(pixel))});
  });
}

void Canvas::hatch(int x, int y, int width, int height, Colour colour) {
  each_pixel(x, y, width, height, [&](std::uint32_t& pixel, int column, int row) {
    if ((column + row) % kHatchPeriod == 0) pixel = packed(colour);
  });
}

void Canvas::frame(int x, int y, int width, int height, Colour colour) {
  fill(x - 1, y - 1, width + 2, 1, colour);
  fill(x - 1, y + height, width + 2, 1, colour);
  fill(x - 1, y, 1, height, colour);
  fill(x + width, y, 1, height, colour);
}

void Canvas::set_font(double size, bool bold) {
  cairo_select_font_face(cairo_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_, size);
}

double Canvas::text_width(const std::string& text, double size, bool bold) {
  set_font(size, bold);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_, text.c_str(), &extents);
  return extents.x_advance;
}

std::string Canvas::fitted(const std::string& text, double size, double width, bool bold) {
  std::string shown = text;
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  if (text_width(shown, size, bold) <= width) return shown;
  while (!shown.empty() && text_width(shown + "…", size, bold) > width) shown.pop_back();
  return shown + "…";
}

void Canvas::text(double x, double baseline, const std::string& text, double size, Colour c, Align align, bool bold) {
  const double width = text_width(text, size, bold);
  cairo_set_source_rgb(cairo_, c.red / 255., c.green / 255., c.blue / 255.);
  cairo_move_to(cairo_, align == Align::left ? x : align == Align::right ? x - width : x - width / 2, baseline);
  cairo_show_text(cairo_, text.c_str());
}

void Canvas::polygon(const std::vector<double>& points, Colour c) {
  cairo_new_path(cairo_);
  for (std::size_t n = 0; n + 1 < points.size(); n += 2) cairo_line_to(cairo_, points[n], points[n + 1]);
  cairo_close_path(cairo_);
  cairo_set_source_rgb(cairo_, c.red / 255., c.green / 255., c.blue / 255.);
  cairo_fill(cairo_);
}

std::string Canvas::png() {
  std::string bytes;
  if (cairo_surface_write_to_png_stream(surface_, append_bytes, &bytes) != CAIRO_STATUS_SUCCESS)
    throw std::runtime_error("cairo cannot encode a picture as PNG");
  return bytes;
}

}  // namespace heartbeat
