// Who is whose neighbour along a chain: shared by relation_conv and by the graph of the plain GCN.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat {

// The residue of the same chain whose position is exactly `offset` away from that of residue i, or -1. Two crops of one
// chain leave a gap in the positions, and nothing is a neighbour across it but what truly is. Positions ascend in a
// chain, so the walk ends after at most |offset| residues of it.
HOST_DEVICE inline long chain_neighbour(const PairMap& map, long i, int offset) {
  const int step = offset < 0 ? -1 : 1, wanted = map.position[i] + offset;
  for (long j = i; j >= 0 && j < map.length; j += step) {
    if (map.segment[j] != map.segment[i]) continue;
    const int beyond = (map.position[j] - wanted) * step;
    if (beyond >= 0) return beyond == 0 ? j : -1;
  }
  return -1;
}

}  // namespace heartbeat
