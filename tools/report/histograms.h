// The histograms of a run, merged over steps until they fit into a page.
#pragma once

#include <climits>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/run_reader.h"

namespace heartbeat {

// One tensor and quantity. bytes: for each column
//
//   varint gap of the column number to the last one (the first counts from -1), NaN count, infinity count
//   varint first bin, varint number of bins, and for each the zigzag varint of its count less that of the column before
//
// deflated (zlib). norms: for each column 64 log2 of the root of the mean over its steps of the squared norm; means: 64
// log2 of the mean magnitude of its finite values; kNoLevel where there is none. broken: columns with NaN or
// infinities.
inline constexpr int kNoLevel = INT_MIN;
struct HistogramSeries {
  int tensor;
  Quantity quantity;
  std::string bytes;
  std::vector<int> columns, norms, means, broken;
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
  int tensor = -1;                        // this one alone; -1: all
  bool recent = false;                    // the last steps alone, one to a column, in place of merging
};

// A histogram of several steps, packed: a long run has hundreds of thousands of them.
struct MergedHistogram {
  long column;
  std::vector<std::uint8_t> bins;
  std::uint64_t nan, infinite, finite;
  double sum_of_squares, abs_sum;
  long rows;
};
using MergedHistograms = std::deque<MergedHistogram>;
TensorStats unpacked(const MergedHistogram& column);  // infinities of both signs as +Inf; no min, max and sum

// Takes the rows of a run one by one, in ascending order of steps, and keeps what fits into so many columns. Merging
// adds counts: exact.
class HistogramMerger {
 public:
  explicit HistogramMerger(const HistogramOptions& options) : options_(options) {}
  void add(const WatchRow& row);

  Histograms all() const;
  Histograms axis() const;  // without the series
  std::vector<std::pair<int, Quantity>> keys() const;
  std::vector<MergedHistogram> columns(int tensor, Quantity quantity) const;
  // bins: false leaves bytes empty, which takes a hundredth of the time.
  HistogramSeries series(int tensor, Quantity quantity, bool bins = true) const;

 private:
  struct Open {
    TensorStats stats;
    long column = -1, rows = 0;
    void add(const TensorStats& more, long count);
    void close(MergedHistograms& into);
  };
  struct Series {
    Open open;
    MergedHistograms done;
    TensorStats total;
    MergedHistograms closed() const;
  };
  static MergedHistograms halved(const MergedHistograms& columns);
  void halve();

  HistogramOptions options_;
  long watched_ = 0, last_step_ = LONG_MIN, dropped_ = 0;  // dropped_: columns that are recent no longer
  int merged_ = 0;
  std::deque<long> first_, last_, rows_;
  std::map<std::pair<int, int>, Series> series_;  // by quantity and tensor
};

Histograms read_histograms(const RunReader& run, const HistogramOptions& options);

std::string deflated(const std::string& bytes);
std::string base64(const std::string& bytes);

}  // namespace heartbeat
