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
  TensorStats total;  // bins of all columns together
};

struct Histograms {
  std::vector<long> first, last;  // [columns] closed ranges of steps, 2^merged watched steps each but the last
  std::vector<long> rows;         // [columns] histograms added up, of each tensor
  int merged = 0;
  std::vector<HistogramSeries> series;
};

struct HistogramOptions {
  int columns = 400;                      // at most
  std::size_t most_bytes = SIZE_MAX;      // fewer columns until all bytes together stay below
  std::vector<Quantity> quantities = {};  // empty: all
};

// Merging adds counts: exact.
Histograms read_histograms(const RunReader& run, const HistogramOptions& options);

std::string deflated(const std::string& bytes);
std::string base64(const std::string& bytes);

}  // namespace heartbeat
