// Kernels over packed triangles: which protein and which pair of residues a row belongs to.
#pragma once

#include "kernels/common/device_code.cuh"
#include "kernels/common/pair.h"

namespace heartbeat {

// The host's table is no device memory; this is its copy.
__device__ constexpr auto kDeviceBucketOfSeparation = kBucketOfSeparation;

__device__ inline int device_bucket(const PairMap& map, long i, long j) {
  if (map.segment[i] != map.segment[j]) return kOtherChainBucket;
  const int separation = map.position[j] - map.position[i];
  return kDeviceBucketOfSeparation[min(separation, kFarthest)];
}

// The last map whose first row is not beyond `row`; empty proteins share their first row with the next and lose.
template <class FirstRow>
__device__ inline int map_of_row(const PairBatch& batch, long row, FirstRow first_row) {
  int first = 0, last = int(batch.map_count);
  while (last - first > 1) {
    const int middle = (first + last) / 2;
    (first_row(batch.maps[middle]) <= row ? first : last) = middle;
  }
  return first;
}
__device__ inline int map_of_pair(const PairBatch& batch, long row) {
  return map_of_row(batch, row, [](const PairMap& map) { return map.first_pair; });
}
__device__ inline int map_of_residue(const PairBatch& batch, long row) {
  return map_of_row(batch, row, [](const PairMap& map) { return map.first_residue; });
}

struct PairPlace {
  int map;
  long i, j;
};
__device__ inline PairPlace place_of_pair(const PairBatch& batch, long row) {
  const int m = map_of_pair(batch, row);
  const PairMap& map = batch.maps[m];
  const long p = row - map.first_pair, i = pair_left(p, map.length);
  return {m, i, i + p - pair_index(i, i, map.length)};
}

}  // namespace heartbeat
