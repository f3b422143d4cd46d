#include "kernels/conv2d/conv2d.h"

#include <memory>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/conv2d/canvas.h"
#include "kernels/conv2d/tile.h"

namespace heartbeat::kernels {
namespace {

constexpr long kParallelWork = 1 << 18;  // multiply-adds below which one core is faster than waking the others
constexpr long kPixelsPerPartial = 512;  // of output, enough work to be worth a partial sum of dW
constexpr long kMaxPartials = 32;
constexpr long kPixelBlock = 128;  // of dy transposed at once: 8 KB, so that 24 KB of L1 are left for x

template <class T>
T sum_of(const T* x, long n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (long k = 0; k < n; ++k) sum += x[k];
  return sum;
}

// dW[k] += sum over pixels p of x(k, p) * dy[p] for all taps k, where x(k, p) = image[tap[k] + pixel[p]].
// dy [pixels, kTileCols], of which V vectors count; dW [taps, kTileCols]
template <int V, class T>
void add_to_panel(const T* image, const long* tap, long taps, const long* pixel, long pixels, const T* dy, T* dW) {
  for_tiles(taps, [&]<int R>(long k) {
    const T* under[R];
    for (int r = 0; r < R; ++r) under[r] = image + tap[k + r];
    T* const to = dW + k * kTileCols<T>;
    Vector<T> sum[R][V];
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] = load(to + r * kTileCols<T> + v * kLanes<T>);
    add_products<R, V, T>(
        pixels, [&](int r, long p) { return under[r][pixel[p]]; },
        [&](int v, long p) { return load(dy + p * kTileCols<T> + v * kLanes<T>); }, sum);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) store(to + r * kTileCols<T> + v * kLanes<T>, sum[r][v]);
  });
}

// Strips two by two; an odd one comes as its own partner, to be taken once.
template <class F>
void for_strip_pairs(const std::vector<Canvas::Strip>& strips, F f) {
  const long count = long(strips.size());
  for (long k = 0; k < count; k += 2) f(k / 2, strips[k], strips[std::min(k + 1, count - 1)], k + 1 < count);
}

}  // namespace

template <class T>
void conv2d(Cpu, const Conv2dShape& s, const T* x, const T* W, const T* b, T* y) {
  const Canvas canvas(s, kLanes<T, kNarrowBytes>);
  const long taps = s.taps(), pixels = s.pixels();
  const long* const tap = canvas.taps();

#pragma omp parallel if (s.work() > kParallelWork)
  {
    std::vector<T> scratch(canvas.is_image() ? 0 : canvas.size());
#pragma omp for schedule(static)
    for (long n = 0; n < s.images; ++n) {
      const T* const image = canvas.of(x + n * s.x_size(), scratch.data());
      for_tiles(s.out, [&]<int R>(long o) {
        const T* const filters = W + o * taps;
        T* const to = y + n * s.y_size() + o * pixels;
        for_strip_pairs(canvas.strips(), [&](long, const Canvas::Strip& s0, const Canvas::Strip& s1, bool both) {
          const T* const from[2] = {image + s0.canvas, image + s1.canvas};
          Vector<T, kNarrowBytes> sum[R][2];
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Vector<T, kNarrowBytes>{} + (b ? b[o + r] : T(0));
          add_products<R, 2, T>(
              taps, [&](int r, long k) { return filters[r * taps + k]; },
              [&](int v, long k) { return load<kNarrowBytes>(from[v] + tap[k]); }, sum);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) store_lanes(to + r * pixels + s0.output, sum[r][0], s0.count);
          if (!both) return;
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) store_lanes(to + r * pixels + s1.output, sum[r][1], s1.count);
        });
      });
    }
  }
}

// Every tap sends W(o,c,i,j) dy(o) summed over o back to where it read. A tile are six channels of one tap, not six
// taps of one channel: those overlap in memory, and each would wait for the stores of the one before.
template <class T>
void conv2d_dx_accumulate(Cpu, const Conv2dShape& s, const T* dy, const T* W, T* dx) {
  const Canvas canvas(s, kLanes<T, kNarrowBytes>);
  const auto& strips = canvas.strips();
  const long pixels = s.pixels(), taps = s.taps(), places = s.kernel_height * s.kernel_width;
  std::vector<T> weights(taps * s.out);  // [kernel_height, kernel_width, in, out]
  std::vector<long> tap(taps);           // [kernel_height, kernel_width, in]
  for (long k = 0; k < taps; ++k) {
    const long from = k % s.in * places + k / s.in;
    tap[k] = canvas.taps()[from];
    for (long o = 0; o < s.out; ++o) weights[k * s.out + o] = W[o * taps + from];
  }

#pragma omp parallel if (s.work() > kParallelWork)
  {
    std::vector<T> scratch(canvas.is_image() ? 0 : canvas.size());
    // [pairs of strips, out, 2 vectors]; lanes past the end of a strip stay zero
    std::vector<T> panels(chunks_of(long(strips.size()), 2) * s.out * kTileCols<T, kNarrowBytes>);
#pragma omp for schedule(static)
    for (long n = 0; n < s.images; ++n) {
      const T* const from = dy + n * s.y_size();
      for (long k = 0; k < long(strips.size()); ++k)
        for (long o = 0; o < s.out; ++o)
          copy_lanes<kNarrowBytes>(
              from + o * pixels + strips[k].output, strips[k].count,
              panels.data() + (k / 2 * s.out + o) * kTileCols<T, kNarrowBytes> + k % 2 * kLanes<T, kNarrowBytes>);
      T* const image = dx + n * s.x_size();
      T* const to = canvas.is_image() ? image : scratch.data();
      if (!canvas.is_image()) std::fill(scratch.begin(), scratch.end(), T(0));
      for_tiles(taps, [&]<int R>(long k) {
        const T* const rows = weights.data() + k * s.out;
        for_strip_pairs(strips, [&](long pair, const Canvas::Strip& s0, const Canvas::Strip& s1, bool both) {
          const T* const panel = panels.data() + pair * s.out * kTileCols<T, kNarrowBytes>;
          Vector<T, kNarrowBytes> sum[R][2];
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Vector<T, kNarrowBytes>{};
          add_products<R, 2, T>(
              s.out, [&](int r, long o) { return rows[r * s.out + o]; },
              [&](int v, long o) {
                return load<kNarrowBytes>(panel + o * kTileCols<T, kNarrowBytes> + v * kLanes<T, kNarrowBytes>);
              },
              sum);
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) add_lanes(to + tap[k + r] + s0.canvas, sum[r][0], s0.count);
          if (!both) return;
#pragma GCC unroll 6
          for (int r = 0; r < R; ++r) add_lanes(to + tap[k + r] + s1.canvas, sum[r][1], s1.count);
        });
      });
      if (!canvas.is_image()) canvas.add_to(scratch.data(), image);
    }
  }
}

template <class T>
void conv2d_dw_accumulate(Cpu, const Conv2dShape& s, const T* x, const T* dy, T* dW, T* db) {
  constexpr int kCols = kTileCols<T>;
  const Canvas canvas(s, kLanes<T>);
  const long taps = s.taps(), pixels = s.pixels(), panels = chunks_of(s.out, kCols);
  // A partial sum: dW as [panels, taps, kCols], then db as [panels, kCols].
  const long weights = panels * taps * kCols, width = weights + panels * kCols;
  const long wanted = std::clamp(chunks_of(s.images * pixels, kPixelsPerPartial), 1L, kMaxPartials);
  const long group = std::max(1L, chunks_of(s.images, wanted)), groups = chunks_of(s.images, group);
  if (groups == 0) return;
  const auto partial = std::make_unique_for_overwrite<T[]>(groups * width);

#pragma omp parallel if (s.work() > kParallelWork)
  {
    std::vector<T> scratch(canvas.is_image() ? 0 : canvas.size());
    std::vector<T> dy_panel(kPixelBlock * kCols);  // [pixels, kCols]; columns past out stay what they were
#pragma omp for schedule(static)
    for (long g = 0; g < groups; ++g) {
      T* const to_W = partial.get() + g * width;
      T* const to_b = to_W + weights;
      std::fill_n(to_W, width, T(0));
      for (long n = g * group; n < std::min(s.images, (g + 1) * group); ++n) {
        const T* const from = dy + n * s.y_size();
        for (long o = 0; o < s.out; ++o) to_b[o] += sum_of(from + o * pixels, pixels);
        if (!dW) continue;
        const T* const image = canvas.of(x + n * s.x_size(), scratch.data());
        for (long panel = 0; panel < panels; ++panel) {
          const long filters = std::min<long>(kCols, s.out - panel * kCols);
          for (long first = 0; first < pixels; first += kPixelBlock) {
            const long count = std::min(kPixelBlock, pixels - first);
            transpose_panel(from + panel * kCols * pixels + first, pixels, filters, count, dy_panel.data());
            with_constant<2>(chunks_of(filters, kLanes<T>), [&]<int V>() {
              add_to_panel<V>(image, canvas.taps(), taps, canvas.pixels() + first, count, dy_panel.data(),
                              to_W + panel * taps * kCols);
            });
          }
        }
      }
    }
#pragma omp for schedule(static)
    for (long first = 0; first < width; first += kCols)
      for (long g = 1; g < groups; ++g)
        for (long k = first; k < first + kCols; ++k) partial[k] += partial[g * width + k];
#pragma omp for schedule(static)
    for (long o = 0; o < s.out; ++o) {
      for (long k = 0; dW && k < taps; ++k) dW[o * taps + k] += partial[(o / kCols * taps + k) * kCols + o % kCols];
      if (db) db[o] += partial[weights + o];
    }
  }
}

#define HEARTBEAT_INSTANTIATE(T)                                                       \
  template void conv2d(Cpu, const Conv2dShape&, const T*, const T*, const T*, T*);     \
  template void conv2d_dx_accumulate(Cpu, const Conv2dShape&, const T*, const T*, T*); \
  template void conv2d_dw_accumulate(Cpu, const Conv2dShape&, const T*, const T*, T*, T*)
HEARTBEAT_INSTANTIATE(float);
HEARTBEAT_INSTANTIATE(double);
#undef HEARTBEAT_INSTANTIATE

}  // namespace heartbeat::kernels
