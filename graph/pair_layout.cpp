#include "graph/pair_layout.h"

#include <algorithm>
#include <numeric>

namespace heartbeat {

PairMember single_chain(long length, std::uint64_t key) {
  PairMember member{std::vector<std::uint8_t>(length, 0), std::vector<int>(length), key};
  std::iota(member.position.begin(), member.position.end(), 0);
  return member;
}

PairLayout::PairLayout(std::vector<PairMember> members, int tile) : members_(std::move(members)) {
  maps_.reserve(members_.size());
  for (const PairMember& member : members_) {
    const long length = long(member.segment.size());
    maps_.push_back({length, pairs_, residues_, member.segment.data(), member.position.data()});
    pairs_ += pair_count(length);
    residues_ += length;
  }
  for (int m = 0; m < int(maps_.size()); ++m) {
    const int length = int(maps_[m].length);
    for (int i = 0; i < length; i += tile)
      for (int j = i; j < length; j += tile)
        tiles_.push_back({m, i, std::min(i + tile, length), j, std::min(j + tile, length)});
  }
  const auto cost = [](const PairTile& t) {
    const int rows = t.i_last - t.i_first;
    return t.i_first == t.j_first ? rows * (rows + 1) / 2 : rows * (t.j_last - t.j_first);
  };
  std::stable_sort(tiles_.begin(), tiles_.end(), [&](const auto& a, const auto& b) { return cost(a) > cost(b); });
}

PairBatch PairLayout::view(Cpu) const {
  return {maps_.data(), long(maps_.size()), tiles_.data(), long(tiles_.size()), pairs_, residues_};
}

#if HEARTBEAT_CUDA
PairBatch PairLayout::view(Cuda cuda) const {
  std::vector<PairMap> maps;
  if (!maps_mirror_.exists()) {
    std::vector<std::uint8_t> segments;
    std::vector<int> positions;
    for (const PairMember& member : members_) {
      segments.insert(segments.end(), member.segment.begin(), member.segment.end());
      positions.insert(positions.end(), member.position.begin(), member.position.end());
    }
    const std::uint8_t* segment = segments_mirror_.of(cuda, segments);
    const int* position = positions_mirror_.of(cuda, positions);
    for (PairMap map : maps_) {
      map.segment = segment + map.first_residue;
      map.position = position + map.first_residue;
      maps.push_back(map);
    }
  }
  PairBatch batch = view();
  batch.maps = maps_mirror_.of(cuda, maps);
  batch.tiles = tiles_mirror_.of(cuda, tiles_);
  return batch;
}
#endif

}  // namespace heartbeat
