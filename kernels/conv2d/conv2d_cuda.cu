// Convolutions as matrix products whose operands are gathered from the images as they are needed.
#include <climits>

#include "kernels/common/tile_product.cuh"
#include "kernels/conv2d/conv2d.h"

namespace heartbeat::kernels {
namespace {

// The shape in 32 bits, for 64-bit divisions are slow. Images are taken in groups whose pixels 32 bits can count.
struct Sizes {
  int in, height, width, out, kernel_height, kernel_width, stride, padding, out_height, out_width;

  explicit Sizes(const Conv2dShape& s)
      : in(int(s.in)),
        height(int(s.height)),
        width(int(s.width)),
        out(int(s.out)),
        kernel_height(int(s.kernel_height)),
        kernel_width(int(s.kernel_width)),
        stride(int(s.stride)),
        padding(int(s.padding)),
        out_height(int(s.out_height())),
        out_width(int(s.out_width())) {}

  HOST_DEVICE int taps() const { return in * kernel_height * kernel_width; }
  HOST_DEVICE int pixels() const { return out_height * out_width; }

  // x at tap t of output pixel r (of all images), or 0 outside.
  template <class T>
  __device__ T tap(const T* x, int r, int t) const {
    const int n = r / pixels(), p = r / out_width % out_height, q = r % out_width;
    const int c = t / (kernel_height * kernel_width), i = t / kernel_width % kernel_height, j = t % kernel_width;
    const int u = p * stride + i - padding, v = q * stride + j - padding;
    const bool inside = u >= 0 && u < height && v >= 0 && v < width;
    return inside ? x[((long(n) * in + c) * height + u) * width + v] : T(0);
  }
  // dy at the output pixel of channel t / kernel whose tap t % kernel read input pixel r, or 0 if there is none.
  template <class T>
  __device__ T reader(const T* dy, int r, int t) const {
    const int n = r / (height * width), u = r / width % height, v = r % width;
    const int o = t / (kernel_height * kernel_width), i = t / kernel_width % kernel_height, j = t % kernel_width;
    const int p = u + padding - i, q = v + padding - j;
    if (p < 0 || q < 0 || p % stride || q % stride || p / stride >= out_height || q / stride >= out_width) return 0;
    return dy[((long(n) * out + o) * out_height + p / stride) * out_width + q / stride];
  }
  template <class T>
  __device__ T gradient(const T* dy, int o, int r) const {
    return dy[(long(r / pixels()) * out + o) * pixels() + r % pixels()];
  }
};

// f(first image, images) for groups of images.
template <class F>
void for_groups(const Conv2dShape& shape, F f) {
  const long most = std::max(1L, INT_MAX / std::max({shape.pixels(), shape.height * shape.width, 1L}));
  for (long first = 0; first < shape.images; first += most) f(first, std::min(most, shape.images - first));
}

template <class T>
void group_forward(Cuda cuda, Sizes s, long images, const T* x, const T* W, const T* b, T* y) {
  tile_product<T, Runs::along_rows>(
      cuda, images * s.pixels(), s.out, s.taps(), [=] __device__(long r, long t) { return s.tap(x, int(r), int(t)); },
      [=] __device__(long t, long o) { return W[o * s.taps() + t]; },
      [=] __device__(long r, long o, long, T sum) {
        const int pixels = s.pixels(), n = int(r) / pixels;
        y[(long(n) * s.out + o) * pixels + int(r) % pixels] = b ? sum + b[o] : sum;
      });
}

template <class T>
void group_dx(Cuda cuda, Sizes s, long images, const T* dy, const T* W, T* dx) {
  const int kernel = s.kernel_height * s.kernel_width, plane = s.height * s.width;
  tile_product<T, Runs::along_rows>(
      cuda, images * plane, s.in, long(s.out) * kernel,
      [=] __device__(long r, long t) { return s.reader(dy, int(r), int(t)); },
      [=] __device__(long t, long c) { return W[(long(int(t) / kernel) * s.in + c) * kernel + int(t) % kernel]; },
      [=] __device__(long r, long c, long, T sum) {
        dx[(long(int(r) / plane) * s.in + c) * plane + int(r) % plane] += sum;
      });
}

template <class T>
void group_dw(Cuda cuda, Sizes s, long images, const T* x, const T* dy, T* dW, T* db) {
  const auto arriving = [=] __device__(long o, long r) { return s.gradient(dy, int(o), int(r)); };
  if (dW)
    long_product<T, Runs::along_k>(
        cuda, s.out, s.taps(), images * s.pixels(), arriving,
        [=] __device__(long r, long t) { return s.tap(x, int(r), int(t)); },
        [=] __device__(long o, long t, T sum) { dW[o * s.taps() + t] += sum; });
  if (db)
    long_product<T, Runs::along_k>(
        cuda, s.out, 1, images * s.pixels(), arriving, [=] __device__(long, long) { return T(1); },
        [=] __device__(long o, long, T sum) { db[o] += sum; });
}

}  // namespace

template <class T>
void conv2d(Cuda cuda, const Conv2dShape& shape, const T* x, const T* W, const T* b, T* y) {
  for_groups(shape, [&](long first, long images) {
    group_forward(cuda, Sizes(shape), images, x + first * shape.x_size(), W, b, y + first * shape.y_size());
  });
}
template <class T>
void conv2d_dx_accumulate(Cuda cuda, const Conv2dShape& shape, const T* dy, const T* W, T* dx) {
  for_groups(shape, [&](long first, long images) {
    group_dx(cuda, Sizes(shape), images, dy + first * shape.y_size(), W, dx + first * shape.x_size());
  });
}
template <class T>
void conv2d_dw_accumulate(Cuda cuda, const Conv2dShape& shape, const T* x, const T* dy, T* dW, T* db) {
  for_groups(shape, [&](long first, long images) {
    group_dw(cuda, Sizes(shape), images, x + first * shape.x_size(), dy + first * shape.y_size(), dW, db);
  });
}

#define INSTANTIATE(T)                                                                  \
  template void conv2d(Cuda, const Conv2dShape&, const T*, const T*, const T*, T*);     \
  template void conv2d_dx_accumulate(Cuda, const Conv2dShape&, const T*, const T*, T*); \
  template void conv2d_dw_accumulate(Cuda, const Conv2dShape&, const T*, const T*, T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
