#include "tools/plot/drawing.h"

#include <cairo-svg.h>
#include <cairo.h>

#include <stdexcept>

#include "tools/common/cairo.h"

namespace heartbeat {
namespace {

constexpr int kPixelsPerPoint = 2;

}  // namespace

Drawing::Drawing(int width, int height, bool svg) : svg_(svg) {
  surface_ = svg ? cairo_svg_surface_create_for_stream(append_bytes, &out_, width, height)
                 : cairo_image_surface_create(CAIRO_FORMAT_RGB24, kPixelsPerPoint * width, kPixelsPerPoint * height);
  cairo_ = steady_context(surface_);
  if (!svg) cairo_scale(cairo_, kPixelsPerPoint, kPixelsPerPoint);
  cairo_select_font_face(cairo_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  rectangle(0, 0, width, height, {1, 1, 1});
}

Drawing::~Drawing() {
  cairo_destroy(cairo_);
  cairo_surface_destroy(surface_);
}

void Drawing::rectangle(double x, double y, double width, double height, Ink ink) {
  cairo_set_antialias(cairo_, CAIRO_ANTIALIAS_NONE);
  cairo_set_source_rgba(cairo_, ink.red, ink.green, ink.blue, ink.alpha);
  const double seam = svg_ ? 0.25 : 0;  // viewers of SVG smooth edges, which would show between neighbours
  cairo_rectangle(cairo_, x, y, width + seam, height + seam);
  cairo_fill(cairo_);
  cairo_set_antialias(cairo_, CAIRO_ANTIALIAS_GRAY);
}

void Drawing::path(const Points& points) {
  cairo_new_path(cairo_);
  for (const auto& [x, y] : points) cairo_line_to(cairo_, x, y);
}

void Drawing::line(const Points& points, Ink ink, double width, bool dashed) {
  const double dashes[] = {5, 3};
  path(points);
  cairo_set_dash(cairo_, dashes, dashed ? 2 : 0, 0);
  cairo_set_source_rgba(cairo_, ink.red, ink.green, ink.blue, ink.alpha);
  cairo_set_line_width(cairo_, width);
  cairo_stroke(cairo_);
}

void Drawing::area(const Points& points, Ink ink) {
  path(points);
  cairo_close_path(cairo_);
  cairo_set_source_rgba(cairo_, ink.red, ink.green, ink.blue, ink.alpha);
  cairo_fill(cairo_);
}

void Drawing::text(double x, double baseline, const std::string& text, double size, Ink ink, Align align) {
  std::string shown = text;  // names may hold any bytes, and cairo stops at those that are no UTF-8
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  cairo_set_font_size(cairo_, size);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_, shown.c_str(), &extents);
  cairo_set_source_rgba(cairo_, ink.red, ink.green, ink.blue, ink.alpha);
  const double shift = align == Align::left ? 0 : align == Align::right ? 1 : 0.5;
  cairo_move_to(cairo_, x - shift * extents.x_advance, baseline);
  cairo_show_text(cairo_, shown.c_str());
}

std::string Drawing::bytes() {
  cairo_status_t status = CAIRO_STATUS_SUCCESS;
  if (svg_) {
    cairo_surface_finish(surface_);
    // cairo numbers the surfaces of a process.
    const std::string mark = "id=\"surface";
    if (const std::size_t at = out_.find(mark); at != std::string::npos)
      out_.erase(at + mark.size(), out_.find('"', at + mark.size()) - at - mark.size());
  } else {
    status = cairo_surface_write_to_png_stream(surface_, append_bytes, &out_);
  }
  if (status != CAIRO_STATUS_SUCCESS) throw std::runtime_error("cairo cannot encode a picture");
  return out_;
}

}  // namespace heartbeat
