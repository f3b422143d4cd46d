// A batch of pair triangles whose views lie in device memory.
#pragma once

#include <list>

#include "graph/pair_layout.h"
#include "tests/support/on_device.h"

namespace heartbeat::testing {

class BatchOnDevice {
 public:
  BatchOnDevice(Cuda stream, const PairLayout& layout)
      : maps_(stream, layout.size()), tiles_(stream, layout.view().tile_count), view_(layout.view()) {
    std::vector<PairMap> maps;
    for (long m = 0; m < layout.size(); ++m) {
      maps.push_back(layout.map(m));
      maps.back().segment = segments_.emplace_back(stream, layout.member(m).segment).data();
      maps.back().position = positions_.emplace_back(stream, layout.member(m).position).data();
    }
    cuda::upload(stream, maps_.data(), maps.data(), maps.size() * sizeof(PairMap));
    cuda::upload(stream, tiles_.data(), view_.tiles, view_.tile_count * sizeof(PairTile));
    view_.maps = maps_.data();
    view_.tiles = tiles_.data();
  }
  const PairBatch& view() const { return view_; }

 private:
  std::list<OnDevice<std::uint8_t>> segments_;
  std::list<OnDevice<int>> positions_;
  OnDevice<PairMap> maps_;
  OnDevice<PairTile> tiles_;
  PairBatch view_;
};

// Chains, a complex, a crop with a gap, an empty protein between others; sizes around a tile of 16.
inline std::vector<std::vector<PairMember>> pair_cases() {
  PairMember complex, crop;
  for (int i = 0; i < 17; ++i) {
    complex.segment.push_back(std::uint8_t(i >= 6));
    complex.position.push_back(i >= 6 ? i - 6 : i);
    crop.segment.push_back(0);
    crop.position.push_back(i < 9 ? i + 4 : i + 40);
  }
  return {
      {}, {single_chain(1)}, {single_chain(16), single_chain(0), single_chain(5)}, {complex, single_chain(3), crop}};
}

}  // namespace heartbeat::testing
