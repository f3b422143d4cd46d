// Many tensors as one list of chunks, so that one parallel loop serves two tensors or fifty thousand. The chunks depend
// on the sizes alone: what is summed chunk by chunk has the same bits on any number of threads.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

namespace heartbeat {

// Elements [first, first + count) of one tensor. A tensor of one chunk has no slot (-1): its result needs no merging.
struct Chunk {
  long tensor = 0, first = 0, count = 0, slot = -1;
};

struct ChunkTable {
  static constexpr long kChunk = 16384;  // 64 KB of f32: starting it costs under 2 % of reading it

  ChunkTable() = default;
  // Empty tensors get one empty chunk, so that every tensor has a result.
  explicit ChunkTable(std::span<const long> sizes) : tensors(long(sizes.size())) {
    for (long t = 0; t < tensors; ++t) {
      const bool split = sizes[t] > kChunk;
      for (long first = 0; first == 0 || first < sizes[t]; first += kChunk)
        chunks.push_back({t, first, std::min(kChunk, sizes[t] - first), split ? slots++ : -1});
      elements += sizes[t];
    }
  }

  // Whether the work is worth waking the other cores; a chunk costs about as much as 256 elements to begin with.
  bool is_large() const { return elements + 256 * long(chunks.size()) > 2 * kChunk; }

  std::vector<Chunk> chunks;  // in tensor order, ascending within a tensor
  long tensors = 0, elements = 0;
  long slots = 0;  // chunks of tensors that have several
};

}  // namespace heartbeat
