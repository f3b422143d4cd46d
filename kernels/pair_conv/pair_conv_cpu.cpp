#include <algorithm>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/pair_conv/pair_conv.h"
#include "kernels/pair_conv/register_tile.h"
#include "kernels/pair_conv/taps.h"

namespace heartbeat::kernels {
namespace {

constexpr long kPassBytes = 20 << 10;    // weights of one pass over a block of pairs, most of a 32 KB L1
constexpr long kParallelWork = 1 << 18;  // multiply-adds below which one core is faster than waking the others
constexpr long kMaxChunks = 32;          // partial sums of dW; more only cost memory
constexpr long kPairsPerChunk = 1024;    // enough work to be worth a partial sum

long work_of(const PairBatch& batch, const PairConvShape& shape) {
  return batch.pairs * shape.taps() * shape.in * shape.out;
}

// Column panels of the tap matrices: [panels, taps, rows, kTileCols], the last panel filled up with zeros.
// Forward multiplies x rows by W_ab^T [in, out]; backward multiplies dy rows by W_ab [out, in].
template <class T>
std::vector<T> pack(const PairConvShape& shape, const T* W, bool backward) {
  constexpr int kCols = kTileCols<T>;
  const long taps = shape.taps(), rows = backward ? shape.out : shape.in, cols = backward ? shape.in : shape.out;
  std::vector<T> packed(chunks_of(cols, kCols) * taps * rows * kCols);
  for (long o = 0; o < shape.out; ++o)
    for (long c = 0; c < shape.in; ++c) {
      const long row = backward ? o : c, col = backward ? c : o;
      T* to = packed.data() + (col / kCols * taps * rows + row) * kCols + col % kCols;
      for (long t = 0; t < taps; ++t) to[t * rows * kCols] = W[(o * shape.in + c) * taps + t];
    }
  return packed;
}

// Calls finish(pair, on_diagonal, sums) for each pair of the batch: sums[0 .. cols) are bias plus the products of the
// rows behind its taps with the packed weights [panels, taps, from.cols, kTileCols].
template <class T, class Finish>
void multiply(const PairBatch& batch, const PairConvShape& shape, Reads reads, Matrix<const T> from,
              const std::vector<Acc<T>>& packed, long cols, const Acc<T>* bias, Finish finish) {
  using A = Acc<T>;
  constexpr int kCols = kTileCols<A>, kPairs = TapBlock<T>::kPairs;
  const int taps = shape.taps();
  const long panels = chunks_of(cols, kCols), width = panels * kCols, rows = from.cols;
  const long fit = std::clamp<long>(kPassBytes / std::max<long>(1, rows * kCols * sizeof(A)), 1, taps);
  const long passes = chunks_of(taps, fit), taps_per_pass = chunks_of(taps, passes);
  std::vector<A> start(width);
  if (bias) std::copy_n(bias, cols, start.data());

#pragma omp parallel if (work_of(batch, shape) > kParallelWork)
  {
    TapBlock<T> block(batch, shape, reads, from);
    std::vector<A> sums(kPairs * width);
#pragma omp for schedule(dynamic) nowait
    for (long tile = 0; tile < batch.tile_count; ++tile)
      for (block.open(batch.tiles[tile]); block.next();) {
        for (long panel = 0; panel < panels; ++panel)
          for (long tap = 0; tap < taps; tap += taps_per_pass) {
            const A* W = packed.data() + (panel * taps + tap) * rows * kCols;
            const int count = int(std::min(taps_per_pass, taps - tap));
            A* y = sums.data() + panel * kCols;
            for_tiles(block.size(), [&]<int R>(long first) {
              A* to = y + first * width;
              tile_forward<R>(block.rows(tap) + first, kPairs, count, rows, W, tap ? to : start.data() + panel * kCols,
                              tap ? width : 0, to, width);
            });
          }
        for (int k = 0; k < block.size(); ++k) finish(block.pair(k), block.on_diagonal(k), sums.data() + k * width);
      }
  }
}

}  // namespace

template <class T>
void pair_conv(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x, const Acc<T>* W,
               const Acc<T>* b, Matrix<T> y) {
  multiply(batch, shape, Reads::forward, x, pack(shape, W, false), shape.out, b,
           [&](long pair, bool, const Acc<T>* sums) { round_into(sums, shape.out, y.row(pair)); });
}

template <class T>
void pair_conv_dx_accumulate(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> dy,
                             const Acc<T>* W, Matrix<T> dx) {
  const Reads reads = shape.tied ? Reads::backward_tied : Reads::backward_free;
  multiply<T>(batch, shape, reads, dy, pack(shape, W, true), shape.in, nullptr,
              [&](long pair, bool on_diagonal, const Acc<T>* sums) {
                const Acc<T> scale = shape.tied && on_diagonal ? Acc<T>(0.5) : Acc<T>(1);
                T* to = dx.row(pair);
#pragma omp simd
                for (long c = 0; c < shape.in; ++c) put<T>(to[c] + scale * sums[c], to[c]);
              });
}

template <class T>
void pair_conv_dw_accumulate(Cpu, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x,
                             Matrix<const T> dy, Acc<T>* dW, Acc<T>* db) {
  using A = Acc<T>;
  constexpr int kCols = kTileCols<A>, kPairs = TapBlock<T>::kPairs;
  const long taps = shape.taps(), in = shape.in, panels = chunks_of(shape.out, kCols);
  // A partial sum: dW as [panels, taps, in, kCols], then db as [panels, kCols].
  const long weights = panels * taps * in * kCols, width = weights + panels * kCols;
  const long wanted = std::clamp(chunks_of(batch.pairs, kPairsPerChunk), 1L, kMaxChunks);
  const long chunk = std::max(1L, chunks_of(batch.tile_count, wanted));
  const long chunks = chunks_of(batch.tile_count, chunk);
  std::vector<A> partial(chunks * width);

#pragma omp parallel if (work_of(batch, shape) > kParallelWork)
  {
    TapBlock<T> block(batch, shape, Reads::forward, x);
    std::vector<A> dy_panels(panels * kPairs * kCols);  // [panels, kPairs, kCols]; columns past out stay zero
#pragma omp for schedule(dynamic)
    for (long c = 0; c < chunks; ++c) {
      A* to_W = partial.data() + c * width;
      A* to_b = to_W + weights;
      for (long tile = c * chunk; tile < std::min(batch.tile_count, (c + 1) * chunk); ++tile)
        for (block.open(batch.tiles[tile]); block.next();) {
          for (long panel = 0; panel < panels; ++panel) {
            const long first = panel * kCols, filled = std::min<long>(kCols, shape.out - first);
            A* to = dy_panels.data() + panel * kPairs * kCols;
            for (int k = 0; k < block.size(); ++k) copy_columns(dy.row(block.pair(k)) + first, filled, to + k * kCols);
            add_column_sums(to, block.size(), to_b + first);
          }
          for (long panel = 0; dW && panel < panels; ++panel)
            weight_panel(block.rows(0), kPairs, taps, in, block.size(), dy_panels.data() + panel * kPairs * kCols,
                         to_W + panel * taps * in * kCols);
        }
    }
#pragma omp for schedule(static)
    for (long first = 0; first < width; first += kCols)
      for (long c = 1; c < chunks; ++c)
        for (long k = first; k < first + kCols; ++k) partial[k] += partial[c * width + k];
  }
  if (chunks == 0) return;
  for (long o = 0; o < shape.out; ++o) {
    for (long c = 0; dW && c < in; ++c)
      for (long t = 0; t < taps; ++t)
        dW[(o * in + c) * taps + t] += partial[((o / kCols * taps + t) * in + c) * kCols + o % kCols];
    if (db) db[o] += partial[weights + o];
  }
}

#define INSTANTIATE(T)                                                                                                 \
  template void pair_conv(Cpu, const PairBatch&, const PairConvShape&, Matrix<const T>, const Acc<T>*, const Acc<T>*,  \
                          Matrix<T>);                                                                                  \
  template void pair_conv_dx_accumulate(Cpu, const PairBatch&, const PairConvShape&, Matrix<const T>, const Acc<T>*,   \
                                        Matrix<T>);                                                                    \
  template void pair_conv_dw_accumulate(Cpu, const PairBatch&, const PairConvShape&, Matrix<const T>, Matrix<const T>, \
                                        Acc<T>*, Acc<T>*);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
