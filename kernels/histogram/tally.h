// The heartbeat's inner loop: counts and statistics of a stream of short blocks, held by one thread. Compiled once, in
// histogram_cpu.cpp, so that equal blocks give equal bits in whichever kernel they are counted.
#pragma once

#include <cstdint>

#include "kernels/histogram/histogram.h"

namespace heartbeat::kernels {

template <class T>
class Tally {
 public:
  static constexpr long kBlock = 512;  // a block and what belongs to it stay in L1

  void add(const T* x, long n);    // n <= kBlock; cut streams at multiples of kBlock
  void move_to(TensorStats& out);  // overwrites out with what was added, and starts anew

 private:
  static constexpr int kCopies = 8;

  void add_one_by_one(const T* x, long n);

  static_assert(ChunkTable::kChunk < 1 << 16);
  alignas(64) std::uint16_t counts_[kCopies][kBins] = {};  // of at most one chunk, so 16 bits are enough
  double low_ = INFINITY, high_ = -INFINITY;
  double sum_ = 0, squares_ = 0, magnitudes_ = 0;
};

extern template class Tally<float>;
extern template class Tally<double>;

// Where the result of a chunk goes: to its tensor, or to the chunk's slot when the tensor has several.
inline TensorStats& destination(const Chunk& chunk, std::span<TensorStats> stats, std::span<TensorStats> slots) {
  return chunk.slot < 0 ? stats[chunk.tensor] : slots[chunk.slot];
}

// Merges the slots into their tensors, in chunk order. wanted(tensor) says which.
template <class Wanted>
void merge_slots(const ChunkTable& table, std::span<const TensorStats> slots, std::span<TensorStats> stats,
                 Wanted wanted) {
  for (const Chunk& chunk : table.chunks) {
    if (chunk.slot < 0 || !wanted(chunk.tensor)) continue;
    if (chunk.first == 0)
      stats[chunk.tensor] = slots[chunk.slot];
    else
      merge(stats[chunk.tensor], slots[chunk.slot]);
  }
}

}  // namespace heartbeat::kernels
