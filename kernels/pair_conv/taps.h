// Where the taps of a pair convolution read. For each pair of a block and each tap there is one pointer to a row of
// channels: into the tensor itself, to a row of zeros, or to a copy made here: the sum of rows, or a row that is stored
// narrowly and is wanted in Acc<T>. Multiplying then needs to know nothing of triangles, chains, borders and storage.
#pragma once

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels/common/widen.h"
#include "kernels/pair_conv/pair_conv.h"

namespace heartbeat::kernels {

// forward: rows of x that y(i,j) needs. The other two: rows of dy that dx(i,j) needs, for the transposed W_ab.
enum class Reads { forward, backward_free, backward_tied };

struct Tap {
  int a[2], b[2];  // offsets in units of the dilation
  int offsets;     // 2: W_ab = W_ba, the two rows are added before the multiply
};
inline constexpr Tap kFreeTaps[9] = {{{-1}, {-1}, 1}, {{-1}, {0}, 1}, {{-1}, {1}, 1}, {{0}, {-1}, 1}, {{0}, {0}, 1},
                                     {{0}, {1}, 1},   {{1}, {-1}, 1}, {{1}, {0}, 1},  {{1}, {1}, 1}};
inline constexpr Tap kTiedTaps[6] = {{{-1}, {-1}, 1},       {{0}, {0}, 1},         {{1}, {1}, 1},
                                     {{-1, 0}, {0, -1}, 2}, {{-1, 1}, {1, -1}, 2}, {{0, 1}, {1, 0}, 2}};

// Pairs of one work tile, up to kPairs at a time. One object per thread.
template <class T>
class TapBlock {
 public:
  static constexpr int kPairs = 96;
  using A = Acc<T>;

  TapBlock(const PairBatch& batch, const PairConvShape& shape, Reads reads, Matrix<const T> from)
      : batch_(batch),
        taps_(shape.tied ? kTiedTaps : kFreeTaps),
        tap_count_(shape.taps()),
        step_(reads == Reads::forward ? shape.dilation : -shape.dilation),
        reads_(reads),
        from_(from),
        zeros_(from.cols),
        copies_(std::make_unique_for_overwrite<A[]>(tap_count_ * kPairs * from.cols)),
        rows_(tap_count_ * kPairs) {}

  void open(const PairTile& tile) {
    tile_ = tile;
    map_ = &batch_.maps[tile.map];
    next_i_ = tile.i_first;
    next_j_ = std::max(tile.i_first, tile.j_first);
    columns_.resize(tile.j_last - tile.j_first);
    whole_ = true;
    for (int j = tile.j_first; j < tile.j_last; ++j) {
      const Neighbours& n = columns_[j - tile.j_first] = neighbours(j);
      whole_ = whole_ && n[-1] >= 0 && n[1] >= 0;
    }
  }

  // Takes the next pairs of the tile; false when there are none left.
  bool next() {
    size_ = 0;
    while (size_ < kPairs && next_i_ < tile_.i_last) {
      // Past the band j - i <= 2 d no tap is folded, forward or backward.
      const int band_end = next_i_ + 2 * std::abs(step_) + 1;
      const bool band = next_j_ < band_end;
      const int end = std::min({next_j_ + kPairs - size_, tile_.j_last, band ? band_end : INT_MAX});
      take(next_i_, next_j_, end - next_j_, band);
      next_j_ = end;
      if (next_j_ == tile_.j_last) {
        ++next_i_;
        next_j_ = std::max(next_i_, tile_.j_first);
      }
    }
    return size_ > 0;
  }

  int size() const { return size_; }
  long pair(int k) const { return pairs_[k]; }            // packed row of pair k
  bool on_diagonal(int k) const { return diagonal_[k]; }  // i = j
  // Pointers to the rows that pairs 0 .. size() read at a tap; those of the next tap follow at kPairs.
  const A* const* rows(int tap) const { return rows_.data() + tap * kPairs; }

 private:
  static constexpr long kCacheLine = 64;

  // i - step, i and i + step; -1 where the chain ends or has a gap in between.
  struct Neighbours {
    int at[3];
    int operator[](int offset) const { return at[offset + 1]; }
  };

  Neighbours neighbours(int i) const {
    const auto reach = [&](int step) {
      const long to = long(i) + step;
      const bool linked = to >= 0 && to < map_->length && map_->segment[to] == map_->segment[i] &&
                          map_->position[to] - map_->position[i] == step;
      return linked ? int(to) : -1;
    };
    return {{reach(-step_), i, reach(step_)}};
  }

  const T* row(int u, int v) const { return from_.row(map_->row(u, v)); }

  // Pairs (i, j) .. (i, j + count).
  void take(int i, int j, int count, bool band) {
    prefetch(i, j, count);
    const Neighbours ni = neighbours(i);
    const Neighbours* nj = columns_.data() + (j - tile_.j_first);
    for (int t = 0; t < tap_count_; ++t) {
      const Tap& tap = taps_[t];
      const long slot = t * kPairs + size_;
      const A** rows = rows_.data() + slot;
      if (band)
        for (int k = 0; k < count; ++k) rows[k] = in_band(tap, i, j + k, ni, nj[k], slot + k);
      else if (tap.offsets == 1)
        line(ni[tap.a[0]], tap.b[0], nj, count, slot, rows);
      else
        line_of_sums(tap, ni, nj, count, slot, rows);
    }
    for (int k = 0; k < count; ++k) {
      pairs_[size_ + k] = map_->row(i, j) + k;
      diagonal_[size_ + k] = i == j + k;
    }
    size_ += count;
  }

  // The row that comes under the taps about one block later: long enough ahead to arrive from the third-level cache.
  void prefetch(int i, int j, int count) const {
    const int later = i + std::abs(step_) + kPairs / (tile_.j_last - tile_.j_first) + 1;
    if (later > j || later >= map_->length) return;
    const T* first = row(later, j);
    for (long c = 0; c < count * from_.cols; c += kCacheLine / sizeof(T)) __builtin_prefetch(first + c, 0, 2);
  }

  // One tap of consecutive pairs past the band: consecutive rows of row u, unless a chain ends among them.
  void line(int u, int b, const Neighbours* nj, int count, long slot, const A** rows) {
    if (u < 0)
      std::fill_n(rows, count, zeros_.data());
    else if (whole_)
      consecutive(wide(row(u, nj[0][b]), count, slot), count, rows);
    else
      for (int k = 0; k < count; ++k) rows[k] = nj[k][b] < 0 ? zeros_.data() : wide(row(u, nj[k][b]), 1, slot + k);
  }

  void line_of_sums(const Tap& tap, const Neighbours& ni, const Neighbours* nj, int count, long slot, const A** rows) {
    const int u0 = ni[tap.a[0]], u1 = ni[tap.a[1]], b0 = tap.b[0], b1 = tap.b[1];
    if (whole_ && u0 >= 0 && u1 >= 0) {
      A* to = copies_.get() + slot * from_.cols;
      add_rows(row(u0, nj[0][b0]), row(u1, nj[0][b1]), count, to);
      consecutive(to, count, rows);
    } else {
      for (int k = 0; k < count; ++k) {
        rows[k] = zeros_.data();
        if (u0 >= 0 && nj[k][b0] >= 0) rows[k] = wide(row(u0, nj[k][b0]), 1, slot + k);
        if (u1 >= 0 && nj[k][b1] >= 0) rows[k] = sum(rows[k], row(u1, nj[k][b1]), slot + k);
      }
    }
  }

  void consecutive(const A* first, int count, const A** rows) const {
    for (int k = 0; k < count; ++k) rows[k] = first + k * from_.cols;
  }

  const A* in_band(const Tap& tap, int i, int j, const Neighbours& ni, const Neighbours& nj, long slot) {
    const A* result = zeros_.data();
    const auto add = [&](int u, int v) { result = sum(result, row(u, v), slot); };
    for (int o = 0; o < tap.offsets; ++o) {
      const int u = ni[tap.a[o]], v = nj[tap.b[o]];
      if (u >= 0 && v >= 0) {
        if (reads_ != Reads::backward_free)
          add(std::min(u, v), std::max(u, v));
        else if (u <= v)
          add(u, v);
        if (reads_ == Reads::backward_tied && u == v) add(u, v);  // dy counts twice on the diagonal
      }
      if (reads_ == Reads::backward_free && i != j) {  // pairs whose tap was folded into (i, j)
        const int p = nj[tap.a[o]], q = ni[tap.b[o]];
        if (p >= 0 && q >= 0 && p <= q) add(p, q);
      }
    }
    return result;
  }

  // p + q, in slot of copies_ unless p is zero. p may lie in that slot.
  const A* sum(const A* p, const T* q, long slot) {
    if (p == zeros_.data()) return wide(q, 1, slot);
    A* to = copies_.get() + slot * from_.cols;
    add_rows(p, q, 1, to);
    return to;
  }

  // Rows from p on as they are multiplied with: where they lie, or copied to slot of copies_.
  const A* wide(const T* p, int count, long slot) {
    if constexpr (kIsNarrow<T>) {
      A* to = copies_.get() + slot * from_.cols;
      widen(p, count * from_.cols, to);
      return to;
    } else
      return p;
  }

  template <class P>
  void add_rows(const P* p, const T* q, int count, A* to) const {
    const long n = count * from_.cols;
#pragma omp simd
    for (long c = 0; c < n; ++c) to[c] = p[c] + q[c];
  }

  const PairBatch& batch_;
  const Tap* taps_;
  int tap_count_, step_;
  Reads reads_;
  Matrix<const T> from_;
  std::vector<A> zeros_;         // one row
  std::unique_ptr<A[]> copies_;  // [taps, kPairs, channels]; memory that no copy needs is never touched
  std::vector<const A*> rows_;
  std::vector<Neighbours> columns_;  // of the tile
  bool whole_ = false;               // no column of the tile is at the end of a chain
  long pairs_[kPairs];
  bool diagonal_[kPairs];
  PairTile tile_;
  const PairMap* map_ = nullptr;
  int next_i_ = 0, next_j_ = 0, size_ = 0;
};

}  // namespace heartbeat::kernels
