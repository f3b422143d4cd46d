// An image laid out for the convolution: zeros around it, and pixels that are `stride` apart side by side. Then any tap
// reads consecutive output pixels at consecutive addresses, whole vectors of them, whatever stride and padding are.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/conv2d/conv2d.h"

namespace heartbeat::kernels {

// For each channel and each phase (a, b), a plane of the pixels (row * stride + a, col * stride + b) of the padded
// image. Rows are long enough for the last vector of an output row, whose lanes past the row read what nobody uses.
class Canvas {
 public:
  Canvas(const Conv2dShape& s, long lanes)
      : shape_(s),
        phases_h_(std::min(s.stride, s.kernel_height)),
        phases_w_(std::min(s.stride, s.kernel_width)),
        rows_(s.out_height() + (s.kernel_height - 1) / s.stride),
        pitch_(chunks_of(s.out_width(), lanes) * lanes + (s.kernel_width - 1) / s.stride) {
    for (long c = 0; c < s.in; ++c)
      for (long i = 0; i < s.kernel_height; ++i)
        for (long j = 0; j < s.kernel_width; ++j)
          taps_.push_back(plane(c, i % s.stride, j % s.stride) + i / s.stride * pitch_ + j / s.stride);
    for (long p = 0; p < s.out_height(); ++p)
      for (long q = 0; q < s.out_width(); ++q) {
        pixels_.push_back(p * pitch_ + q);
        if (q % lanes == 0)
          strips_.push_back({pixels_.back(), long(pixels_.size()) - 1, std::min(lanes, s.out_width() - q)});
      }
  }

  // Output pixels next to each other in a row, one vector of them.
  struct Strip {
    long canvas;  // offset of the first on the canvas, under a tap of offset 0
    long output;  // and in its output channel
    long count;   // at most the lanes of a vector
  };

  const std::vector<Strip>& strips() const { return strips_; }
  const long* pixels() const { return pixels_.data(); }  // offsets of all output pixels, like Strip::canvas
  const long* taps() const { return taps_.data(); }      // [in, kernel_height, kernel_width] what a tap adds to them
  long size() const { return shape_.in * phases_h_ * phases_w_ * rows_ * pitch_; }
  bool is_image() const { return shape_.stride == 1 && shape_.padding == 0 && pitch_ == shape_.width; }

  // The canvas of an image: the image itself where both are the same, else painted into scratch [size()].
  template <class T>
  const T* of(const T* image, T* scratch) const {
    if (is_image()) return image;
    std::fill_n(scratch, size(), T(0));
    for_rows([&](long x, long canvas, long count) {
      for (long k = 0; k < count; ++k) scratch[canvas + k] = image[x + k * shape_.stride];
    });
    return scratch;
  }

  // Adds what lies on a canvas of gradients to the image it stands for.
  template <class T>
  void add_to(const T* gradients, T* image) const {
    for_rows([&](long x, long canvas, long count) {
      for (long k = 0; k < count; ++k) image[x + k * shape_.stride] += gradients[canvas + k];
    });
  }

 private:
  long plane(long c, long a, long b) const { return ((c * phases_h_ + a) * phases_w_ + b) * rows_ * pitch_; }

  // Calls f(x, canvas, count) for each row of a plane that meets the image: elements canvas .. canvas + count are the
  // pixels x, x + stride ..
  template <class F>
  void for_rows(F f) const {
    const Conv2dShape& s = shape_;
    // The first k with k * stride + phase - padding >= edge.
    const auto first_from = [&](long edge, long phase) {
      return chunks_of(std::max(0L, edge + s.padding - phase), s.stride);
    };
    for (long c = 0; c < s.in; ++c)
      for (long a = 0; a < phases_h_; ++a)
        for (long b = 0; b < phases_w_; ++b) {
          const long first = first_from(0, b), last = std::min(first_from(s.width, b), pitch_);
          for (long row = first_from(0, a); row < std::min(first_from(s.height, a), rows_); ++row)
            f((c * s.height + row * s.stride + a - s.padding) * s.width + first * s.stride + b - s.padding,
              plane(c, a, b) + row * pitch_ + first, last - first);
        }
  }

  Conv2dShape shape_;
  long phases_h_, phases_w_, rows_, pitch_;
  std::vector<long> taps_, pixels_;
  std::vector<Strip> strips_;
};

}  // namespace heartbeat::kernels
