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

// Four vectors of partial sums, so that none waits for the one before.
template <class T>
T sum_of(const T* x, long n) {
  constexpr long kN = kLanes<T>;
  Vector<T> sum[4] = {};
  long k = 0;
  for (; k + 4 * kN <= n; k += 4 * kN)
    for (int v = 0; v < 4; ++v) sum[v] += load(x + k + v * kN);
  T lane[kN];
  store(lane, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (long half = kN / 2; half > 0; half /= 2)
    for (long j = 0; j < half; ++j) lane[j] += lane[j + half];
  for (; k < n; ++k) lane[0] += x[k];
  return lane[0];
}

constexpr int kFilterVectors = kVectorBytes == 64 ? 4 : 2;  // of a tile of dW: 6 x 4 sums fit 32 registers
template <class T>
constexpr int kFilters = kFilterVectors* kLanes<T>;

// dW[r] += sum over pixels p of image[tap[r] + pixel[p]] * dy[p] for R taps; dy [pixels, kFilters] and dW [R,
// kFilters], of which V vectors count. Not inlined: the loops around it would leave too few registers for its R
// addresses.
template <int R, int V, class T>
[[gnu::noinline]] void add_taps(const T* image, const long* tap, const long* pixel, long pixels, const T* dy, T* dW) {
  const T* under[R];
  for (int r = 0; r < R; ++r) under[r] = image + tap[r];
  Vector<T> sum[R][V];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = load(dW + r * kFilters<T> + v * kLanes<T>);
  add_products<R, V, T>(
      pixels, [&](int r, long p) { return under[r][pixel[p]]; },
      [&](int v, long p) { return load(dy + p * kFilters<T> + v * kLanes<T>); }, sum);
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(dW + r * kFilters<T> + v * kLanes<T>, sum[r][v]);
}

// Calls f(k, strips) for the strips of tile k. What the last one lacks is its last strip once more, of count 0.
template <class F>
void for_strip_tiles(const std::vector<Canvas::Strip>& strips, F f) {
  const long count = long(strips.size());
  for (long k = 0; k < count; k += kTileStrips) {
    Canvas::Strip tile[kTileStrips];
    for (long j = 0; j < kTileStrips; ++j) {
      tile[j] = strips[std::min(k + j, count - 1)];
      if (k + j >= count) tile[j].count = 0;
    }
    f(k / kTileStrips, tile);
  }
}

// f(r, place, strip) for the sums of a tile, where place is the strip's own entry of `tile`.
template <class T, int R, class F>
[[gnu::always_inline]] inline void for_sums(const Vector<T> (&sum)[R][2], const Canvas::Strip (&tile)[kTileStrips],
                                            F f) {
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v)
      for_strips<T>(sum[r][v], [&](int k, Narrow<T> strip) { f(r, tile[v * kJoined + k], strip); });
}

}  // namespace

template <class T>
void conv2d(Cpu, const Conv2dShape& s, const T* x, const T* W, const T* b, T* y) {
  const Canvas canvas(s, kStripLanes<T>);
  const long taps = s.taps(), pixels = s.pixels();
  const long* const tap = canvas.taps();

#pragma omp parallel if (s.work() > kParallelWork)
  {
    std::vector<T> scratch(canvas.is_image() ? 0 : canvas.size());
#pragma omp for schedule(static)
    for (long n = 0; n < s.images; ++n) {
      const T* const image = canvas.of(x + n * s.x_size(), scratch.data());
      for_tiles<kTallTileRows>(s.out, [&]<int R>(long o) {
        const T* const filters = W + o * taps;
        T* const to = y + n * s.y_size() + o * pixels;
        for_strip_tiles(canvas.strips(), [&](long, const Canvas::Strip(&tile)[kTileStrips]) {
          const T* from[kTileStrips];
          for (int k = 0; k < kTileStrips; ++k) from[k] = image + tile[k].canvas;
          Vector<T> sum[R][2];
#pragma GCC unroll 12
          for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Vector<T>{} + (b ? b[o + r] : T(0));
          add_products<R, 2, T>(
              taps, [&](int r, long k) { return filters[r * taps + k]; },
              [&](int v, long k) { return join(from[v * kJoined] + tap[k], from[v * kJoined + kJoined - 1] + tap[k]); },
              sum);
          for_sums<T, R>(sum, tile, [&](int r, const Canvas::Strip& place, Narrow<T> strip) {
            store_strip(to + r * pixels + place.output, strip, place.count);
          });
        });
      });
    }
  }
}

// Every tap sends W(o,c,i,j) dy(o) summed over o back to where it read. The rows of a tile are channels of one tap, not
// taps of one channel: those overlap in memory, and each would wait for the stores of the one before.
template <class T>
void conv2d_dx_accumulate(Cpu, const Conv2dShape& s, const T* dy, const T* W, T* dx) {
  constexpr int kCols = kTileCols<T>;
  const Canvas canvas(s, kStripLanes<T>);
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
    // [tiles of strips, out, kCols]; lanes past the end of a strip stay zero
    std::vector<T> panels(chunks_of(long(strips.size()), kTileStrips) * s.out * kCols);
#pragma omp for schedule(static)
    for (long n = 0; n < s.images; ++n) {
      const T* const from = dy + n * s.y_size();
      for (long k = 0; k < long(strips.size()); ++k)
        for (long o = 0; o < s.out; ++o)
          copy_strip(from + o * pixels + strips[k].output, strips[k].count,
                     panels.data() + (k / kTileStrips * s.out + o) * kCols + k % kTileStrips * kStripLanes<T>);
      T* const image = dx + n * s.x_size();
      T* const to = canvas.is_image() ? image : scratch.data();
      if (!canvas.is_image()) std::fill(scratch.begin(), scratch.end(), T(0));
      for_tiles<kTallTileRows>(taps, [&]<int R>(long k) {
        const T* const rows = weights.data() + k * s.out;
        for_strip_tiles(strips, [&](long number, const Canvas::Strip(&tile)[kTileStrips]) {
          const T* const panel = panels.data() + number * s.out * kCols;
          Vector<T> sum[R][2];
#pragma GCC unroll 12
          for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Vector<T>{};
          add_products<R, 2, T>(
              s.out, [&](int r, long o) { return rows[r * s.out + o]; },
              [&](int v, long o) { return load(panel + o * kCols + v * kLanes<T>); }, sum);
          for_sums<T, R>(sum, tile, [&](int r, const Canvas::Strip& place, Narrow<T> strip) {
            add_strip(to + tap[k + r] + place.canvas, strip, place.count);
          });
        });
      });
      if (!canvas.is_image()) canvas.add_to(scratch.data(), image);
    }
  }
}

template <class T>
void conv2d_dw_accumulate(Cpu, const Conv2dShape& s, const T* x, const T* dy, T* dW, T* db) {
  constexpr int kCols = kFilters<T>;
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
            transpose_panel<kCols>(from + panel * kCols * pixels + first, pixels, filters, count, dy_panel.data());
            with_constant<kFilterVectors>(chunks_of(filters, kLanes<T>), [&]<int V>() {
              for_tiles(taps, [&]<int R>(long k) {
                add_taps<R, V>(image, canvas.taps() + k, canvas.pixels() + first, count, dy_panel.data(),
                               to_W + (panel * taps + k) * kCols);
              });
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
