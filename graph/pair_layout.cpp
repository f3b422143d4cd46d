#include "graph/pair_layout.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

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

std::vector<std::uint8_t> PairLayout::segments() const {
  std::vector<std::uint8_t> all;
  for (const PairMember& m : members_) all.insert(all.end(), m.segment.begin(), m.segment.end());
  return all;
}
std::vector<int> PairLayout::positions() const {
  std::vector<int> all;
  for (const PairMember& m : members_) all.insert(all.end(), m.position.begin(), m.position.end());
  return all;
}
std::vector<std::uint64_t> PairLayout::keys() const {
  std::vector<std::uint64_t> all;
  for (const PairMember& m : members_) all.push_back(m.key);
  return all;
}

void PairLayout::assign(const PairLayout& other) {
  const bool fits = std::equal(maps_.begin(), maps_.end(), other.maps_.begin(), other.maps_.end(),
                               [](const PairMap& a, const PairMap& b) { return a.length == b.length; });
  if (!fits) throw std::invalid_argument("pair_layout: proteins of other lengths cannot take the place of these");
  for (size_t m = 0; m < members_.size(); ++m) {  // the views point into these arrays: they stay where they are
    std::copy(other.members_[m].segment.begin(), other.members_[m].segment.end(), members_[m].segment.begin());
    std::copy(other.members_[m].position.begin(), other.members_[m].position.end(), members_[m].position.begin());
    members_[m].key = other.members_[m].key;
  }
#if HEARTBEAT_CUDA
  segments_mirror_.assign(segments());
  positions_mirror_.assign(positions());
  keys_mirror_.assign(keys());
#endif
}

#if HEARTBEAT_CUDA
PairBatch PairLayout::view(Cuda cuda) const {
  std::vector<PairMap> maps;
  if (!maps_mirror_.exists()) {
    const std::uint8_t* segment = segments_mirror_.of(cuda, segments());
    const int* position = positions_mirror_.of(cuda, positions());
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
const std::uint64_t* PairLayout::keys(Cuda cuda) const {
  return keys_mirror_.of(cuda, keys());
}
#endif

}  // namespace heartbeat
