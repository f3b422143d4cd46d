// Owns the layout of a ragged batch of pair triangles: which rows belong to which protein, and the tiles of work.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/common/mirror.h"
#include "kernels/common/pair.h"

namespace heartbeat {

// What a batch must know of one protein (or of the concatenated chains of a complex).
struct PairMember {
  std::vector<std::uint8_t> segment;  // [L] chain number of each residue
  std::vector<int> position;          // [L] index of the residue in its full chain; crops keep the true one
  std::uint64_t key = 0;              // names the protein; random masks depend on it and not on the batch
};

// One chain of the given length, whole.
PairMember single_chain(long length, std::uint64_t key = 0);

class PairLayout {
 public:
  static constexpr int kTile = 16;  // side of a work tile in residues; 32 and 64: no clear difference

  explicit PairLayout(std::vector<PairMember> members, int tile = kTile);

  PairBatch view(Cpu = {}) const;
#if HEARTBEAT_CUDA
  PairBatch view(Cuda cuda) const;             // of mirrors in device memory
  const std::uint64_t* keys(Cuda cuda) const;  // of the members, there
#endif
  // The chains, positions and keys of other proteins of the same lengths in the same order, on the host and at the same
  // places of a GPU: what a recorded step reads at its next replay. Throws std::invalid_argument for other lengths.
  void assign(const PairLayout& other);
  long pairs() const {
    return pairs_;
  }
  long residues() const {
    return residues_;
  }
  long size() const {
    return long(members_.size());
  }
  const PairMap& map(long m) const {
    return maps_[m];
  }
  const PairMember& member(long m) const {
    return members_[m];
  }

  PairLayout(const PairLayout&) = delete;  // the views point into the members
  PairLayout& operator=(const PairLayout&) = delete;

 private:
  // What a member has, of all members one after the other.
  std::vector<std::uint8_t> segments() const;
  std::vector<int> positions() const;
  std::vector<std::uint64_t> keys() const;

  std::vector<PairMember> members_;
  std::vector<PairMap> maps_;
  std::vector<PairTile> tiles_;
  long pairs_ = 0, residues_ = 0;

  Mirror<PairMap> maps_mirror_;
  Mirror<PairTile> tiles_mirror_;
  Mirror<std::uint8_t> segments_mirror_;  // of all members, one after the other
  Mirror<int> positions_mirror_;
  Mirror<std::uint64_t> keys_mirror_;
};

}  // namespace heartbeat
