// Raw views of a ragged batch of pair triangles: each protein stores its pairs i <= j once, row after row.
//
// Storage is this packed order on every device; tiles are units of work, not of storage. A pair is a row of C
// contiguous channels, so the reads of a tile coalesce without padding, no mirrored halves have to be kept equal, and
// a map costs exactly L (L + 1) / 2 rows.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/common/base.h"

namespace heartbeat {

// Row of pair (i, j), 0 <= i <= j < L, in the triangle of a protein of length L.
HOST_DEVICE constexpr long pair_index(long i, long j, long length) {
  return i * length - i * (i - 1) / 2 + (j - i);
}
HOST_DEVICE constexpr long pair_count(long length) {
  return length * (length + 1) / 2;
}
// The inverse: i of the row p of a triangle. The square root is right to within one for any L below 2^26, and
// corrected.
HOST_DEVICE inline long pair_left(long p, long length) {
  const double side = double(length) + 0.5;
  long i = long(side - std::sqrt(side * side - 2 * double(p)));
  while (i > 0 && pair_index(i, i, length) > p) --i;
  while (pair_index(i + 1, i + 1, length) <= p) ++i;
  return i;
}

// Separation buckets: 0-23 residues exact, then 39 log-spaced ones up to 1,024, then one for "other chain".
inline constexpr int kBuckets = 64, kOtherChainBucket = 63, kFarthest = 1024;
inline constexpr auto kBucketOfSeparation = [] {
  constexpr double kRatio = 1.1010249145955;  // (1024 / 24) ^ (1 / 39)
  std::array<std::uint8_t, kFarthest + 1> bucket{};
  double next_edge = 24 * kRatio;
  for (int s = 0, b = 0; s <= kFarthest; ++s) {
    if (s <= 24) b = s;
    for (; s > 24 && s >= next_edge && b < kOtherChainBucket - 1; next_edge *= kRatio) ++b;
    bucket[s] = std::uint8_t(b);
  }
  return bucket;
}();
constexpr int separation_bucket(long separation) {
  return kBucketOfSeparation[separation < kFarthest ? separation : kFarthest];
}

// One protein, or the concatenated chains of a complex.
struct PairMap {
  long length = 0;                        // L, residues
  long first_pair = 0;                    // row of pair (0, 0) in packed [pairs, C] tensors
  long first_residue = 0;                 // row of residue 0 in [residues, d] tensors
  const std::uint8_t* segment = nullptr;  // chain number of each residue [L]
  const int* position = nullptr;          // index of each residue in its own full chain [L]; ascending in a chain

  HOST_DEVICE long row(long i, long j) const { return first_pair + pair_index(i, j, length); }
  // The same for any order of i and j.
  HOST_DEVICE long folded_row(long i, long j) const { return i <= j ? row(i, j) : row(j, i); }
  // Separation bucket of i <= j. Crops keep true positions, so residues on both sides of a gap are as far as they were.
  int bucket(long i, long j) const {
    return segment[i] != segment[j] ? kOtherChainBucket : separation_bucket(position[j] - position[i]);
  }
};

// Pairs (i, j), i <= j, with i in [i_first, i_last) and j in [j_first, j_last): one unit of work.
struct PairTile {
  int map = 0;
  int i_first = 0, i_last = 0, j_first = 0, j_last = 0;
};

struct PairBatch {
  const PairMap* maps = nullptr;
  long map_count = 0;
  const PairTile* tiles = nullptr;  // largest first, an order that depends on the batch alone
  long tile_count = 0;
  long pairs = 0;     // rows of packed tensors, the sum of pair_count(L)
  long residues = 0;  // rows of residue tensors, the sum of L
};

}  // namespace heartbeat
