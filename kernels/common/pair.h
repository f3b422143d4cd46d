// Raw views of a ragged batch of pair triangles: each protein stores its pairs i <= j once, row after row.
//
// Storage is this packed order on every device; tiles are units of work, not of storage. A pair is a row of C
// contiguous channels, so the reads of a tile coalesce without padding, no mirrored halves have to be kept equal, and
// a map costs exactly L (L + 1) / 2 rows.
#pragma once

#include <cstdint>

namespace heartbeat {

// Row of pair (i, j), 0 <= i <= j < L, in the triangle of a protein of length L.
constexpr long pair_index(long i, long j, long length) {
  return i * length - i * (i - 1) / 2 + (j - i);
}
constexpr long pair_count(long length) {
  return length * (length + 1) / 2;
}

// One protein, or the concatenated chains of a complex.
struct PairMap {
  long length = 0;                        // L, residues
  long first_pair = 0;                    // row of pair (0, 0) in packed [pairs, C] tensors
  long first_residue = 0;                 // row of residue 0 in [residues, d] tensors
  const std::uint8_t* segment = nullptr;  // chain number of each residue [L]
  const int* position = nullptr;          // index of each residue in its own full chain [L]; ascending in a chain

  long row(long i, long j) const { return first_pair + pair_index(i, j, length); }
  // The same for any order of i and j.
  long folded_row(long i, long j) const { return i <= j ? row(i, j) : row(j, i); }
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
