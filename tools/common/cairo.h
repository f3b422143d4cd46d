// What the programs' pictures share of cairo.
#pragma once

#include <cairo.h>

#include <stdexcept>
#include <string>

namespace heartbeat {

// A cairo_write_func_t: out is a std::string.
inline cairo_status_t append_bytes(void* out, const unsigned char* bytes, unsigned count) {
  static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

// A context on the surface. No subpixel colours and no hinting: the same letters on every screen, and the same bytes
// from every run. Throws std::runtime_error where the surface is too large.
inline cairo_t* steady_context(cairo_surface_t* surface) {
  cairo_t* cairo = cairo_create(surface);
  if (cairo_status(cairo) != CAIRO_STATUS_SUCCESS) throw std::runtime_error("cairo cannot draw a picture this large");
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(cairo, options);
  cairo_font_options_destroy(options);
  return cairo;
}

}  // namespace heartbeat
