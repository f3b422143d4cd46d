// Where the taps of a pair convolution read. For each pair of a block and each tap there is one pointer to a row of
// channels: into the tensor itself, to a row of zeros, or to a sum of rows made here. Multiplying then needs to know
// nothing of triangles, chains and borders.
#pragma once

#include <algorithm>
#include <vector>

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

  TapBlock(const PairBatch& batch, const PairConvShape& shape, Reads reads, Matrix<const T> from)
      : batch_(batch),
        taps_(shape.tied ? kTiedTaps : kFreeTaps),
        tap_count_(shape.taps()),
        step_(reads == Reads::forward ? shape.dilation : -shape.dilation),
        reads_(reads),
        from_(from),
        zeros_(from.cols),
        sums_(tap_count_ * kPairs * from.cols),
        rows_(tap_count_ * kPairs) {}

  void open(const PairTile& tile) {
    tile_ = tile;
    map_ = &batch_.maps[tile.map];
    next_i_ = tile.i_first;
    next_j_ = std::max(tile.i_first, tile.j_first);
    columns_.resize(tile.j_last - tile.j_first);
    for (int j = tile.j_first; j < tile.j_last; ++j) columns_[j - tile.j_first] = neighbours(j);
  }

  // Takes the next pairs of the tile; false when there are none left.
  bool next() {
    size_ = 0;
    while (size_ < kPairs && next_i_ < tile_.i_last) {
      const int count = std::min(kPairs - size_, tile_.j_last - next_j_);
      take(next_i_, next_j_, count);
      next_j_ += count;
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
  const T* const* rows(int tap) const { return rows_.data() + tap * kPairs; }

 private:
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

  // Pairs (i, j_first) .. (i, j_first + count).
  void take(int i, int j_first, int count) {
    const Neighbours ni = neighbours(i);
    const Neighbours* nj = columns_.data() + (j_first - tile_.j_first);
    // Farther from the diagonal every tap keeps its order u < v, and a row of taps is a row of memory.
    const bool band = j_first - i <= 2 * std::abs(step_);
    for (int t = 0; t < tap_count_; ++t) {
      const Tap& tap = taps_[t];
      const T** rows = rows_.data() + t * kPairs + size_;
      if (band)
        for (int k = 0; k < count; ++k) rows[k] = in_band(tap, i, j_first + k, ni, nj[k], t * kPairs + size_ + k);
      else if (tap.offsets == 1)
        line(ni[tap.a[0]], tap.b[0], nj, count, rows);
      else {
        const T* second[kPairs];
        line(ni[tap.a[0]], tap.b[0], nj, count, rows);
        line(ni[tap.a[1]], tap.b[1], nj, count, second);
        for (int k = 0; k < count; ++k) rows[k] = sum(rows[k], second[k], t * kPairs + size_ + k);
      }
    }
    for (int k = 0; k < count; ++k) {
      pairs_[size_ + k] = map_->row(i, j_first) + k;
      diagonal_[size_ + k] = i == j_first + k;
    }
    size_ += count;
  }

  void line(int u, int b, const Neighbours* nj, int count, const T** rows) const {
    if (u < 0) {
      std::fill_n(rows, count, zeros_.data());
      return;
    }
    const T* origin = row(u, u);
    for (int k = 0; k < count; ++k) rows[k] = nj[k][b] < 0 ? zeros_.data() : origin + (nj[k][b] - u) * from_.cols;
  }

  const T* in_band(const Tap& tap, int i, int j, const Neighbours& ni, const Neighbours& nj, long slot) {
    const T* result = zeros_.data();
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

  // The sum of two rows, in slot of sums_ unless one of them is zero. p may lie in that slot.
  const T* sum(const T* p, const T* q, long slot) {
    if (p == zeros_.data()) return q;
    if (q == zeros_.data()) return p;
    T* to = sums_.data() + slot * from_.cols;
#pragma omp simd
    for (long c = 0; c < from_.cols; ++c) to[c] = p[c] + q[c];
    return to;
  }

  const PairBatch& batch_;
  const Tap* taps_;
  int tap_count_, step_;
  Reads reads_;
  Matrix<const T> from_;
  std::vector<T> zeros_, sums_;
  std::vector<const T*> rows_;
  std::vector<Neighbours> columns_;
  long pairs_[kPairs];
  bool diagonal_[kPairs];
  PairTile tile_;
  const PairMap* map_ = nullptr;
  int next_i_ = 0, next_j_ = 0, size_ = 0;
};

}  // namespace heartbeat::kernels
