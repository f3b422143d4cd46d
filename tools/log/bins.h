// The histogram of one row as bytes: LEB128 varints, pairs (gap since the last index, count), non-empty bins 0..260
// only. The first gap counts from index 0. Edges are in kernels/histogram/histogram.h. NaN and infinities have columns
// of their own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/common/statistics.h"

namespace heartbeat {

void append_varint(std::vector<std::uint8_t>& bytes, std::uint64_t value);

// Overwrites bytes.
void encode_bins(const TensorStats& stats, std::vector<std::uint8_t>& bytes);

// Fills bins 0..260. False when the bytes are no histogram; bins are then undefined.
bool decode_bins(std::span<const std::uint8_t> bytes, TensorStats& stats);

}  // namespace heartbeat
