// The histograms of a run, merged over steps until they fit into a page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/log/run_reader.h"

namespace heartbeat {

// One tensor and quantity. bytes: for each column
//
//   varint gap of the column number to the last one (the first counts from -1), NaN count, infinity count
//   varint first bin, varint number of bins, and for each the zigzag varint of its count less that of the column before
//
// deflated (zlib). norms: for each column 64 log2 of the root of the mean over its steps of the squared norm.
struct HistogramSeries {
  int tensor;
  Quantity quantity;
  std::string bytes;
  std::vector<int> columns, norms;
};

struct Histograms {
  std::vector<long> first, last;  // [columns] closed ranges of steps, 2^merged watched steps each but the last
  int merged = 0;
  std::vector<HistogramSeries> series;
};

// At most `columns` columns, and fewer until all bytes together stay below most_bytes. Merging adds counts: exact.
Histograms read_histograms(const RunReader& run, int columns, std::size_t most_bytes);

std::string deflated(const std::string& bytes);
std::string base64(const std::string& bytes);

}  // namespace heartbeat
