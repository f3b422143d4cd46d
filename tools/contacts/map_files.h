// Predicted maps as files: CASP RR, npz, TSV, CCMpred matrices (protein.md 9). All are written whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "graph/protein.h"

namespace heartbeat {

struct PredictedMap {
  std::string id;
  std::vector<std::uint8_t> sequence, segment;  // [L]
  std::vector<std::string> chains;              // name of each segment
  std::vector<float> probability;               // [pairs, kChannels], packed

  long length() const { return long(sequence.size()); }
  std::string letters() const;
  float at(long i, long j, int k) const;  // any order of i and j
};

// CASP's residue-residue format, one channel: 1-based, sorted by probability, pairs from the channel's report
// separation on with a probability of at least `least`. Between chains as A12 B45.
void write_rr(const std::string& path, const PredictedMap& map, int channel, double least = 0.01);
// prob f32 [N, K] in packed order (dense: [K, L, L]), L, seg, seq, channels: numpy.load reads it.
void write_npz(const std::string& path, const PredictedMap& map, bool dense);
// id i j chain_i chain_j channel p, 1-based in each chain; of these channels.
void write_tsv(const std::string& path, const PredictedMap& map, const std::vector<int>& channels, double least = 0.01);
// L x L text matrix of one channel, as CCMpred writes.
void write_ccmpred(const std::string& path, const PredictedMap& map, int channel);

// A file name from an id that may hold anything.
std::string file_stem(const std::string& id);
// Creates the folder, or says in one sentence why it cannot.
void make_output_folder(const std::string& path);
// Writes the bytes to a temporary file beside path and renames it. UserError where the disk is full or not writable.
void write_whole_file(const std::string& path, const std::string& bytes);

}  // namespace heartbeat
