#include "tools/report/histograms.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include "tools/log/bins.h"

namespace heartbeat {
namespace {

constexpr int kNoNorm = std::numeric_limits<int>::min();

// A merged histogram, packed: a long run has hundreds of thousands of them.
struct Column {
  int index;
  std::vector<std::uint8_t> bins;
  std::uint64_t nan, infinite;
  double sum_of_squares;
  long rows;
};
using Columns = std::vector<Column>;

// Bins under construction.
struct Open {
  TensorStats stats;
  int index = -1;
  long rows = 0;

  void add(const TensorStats& more, long count) {
    for (int k = 0; k < kBins; ++k) stats.bins[k] += more.bins[k];
    if (more.finite() && std::isfinite(more.sum_of_squares)) stats.sum_of_squares += more.sum_of_squares;
    rows += count;
  }
  void close(Columns& into) {
    if (index < 0) return;
    into.push_back({index,
                    {},
                    stats.bins[kNanBin],
                    stats.bins[kPlusInfBin] + stats.bins[kMinusInfBin],
                    stats.sum_of_squares,
                    rows});
    encode_bins(stats, into.back().bins);
    *this = {};
  }
};

TensorStats unpacked(const Column& column) {
  TensorStats stats;
  decode_bins(column.bins, stats);
  stats.bins[kNanBin] = column.nan;
  stats.bins[kPlusInfBin] = column.infinite;
  stats.sum_of_squares = column.sum_of_squares;
  return stats;
}

Columns halved(const Columns& columns) {
  Columns merged;
  Open open;
  for (const Column& column : columns) {
    if (column.index / 2 != open.index) open.close(merged);
    open.index = column.index / 2;
    open.add(unpacked(column), column.rows);
  }
  open.close(merged);
  return merged;
}

void append_signed(std::vector<std::uint8_t>& bytes, std::int64_t value) {
  append_varint(bytes, std::uint64_t(value) << 1 ^ std::uint64_t(value >> 63));
}

std::string packed(const Columns& columns) {
  std::vector<std::uint8_t> bytes;
  TensorStats before;
  int last = -1;
  for (const Column& column : columns) {
    append_varint(bytes, std::uint64_t(column.index - last));
    append_varint(bytes, column.nan);
    append_varint(bytes, column.infinite);
    const TensorStats now = unpacked(column);
    int low = 0, high = kNanBin;
    while (low < high && now.bins[low] == before.bins[low]) ++low;
    while (high > low && now.bins[high - 1] == before.bins[high - 1]) --high;
    append_varint(bytes, std::uint64_t(low));
    append_varint(bytes, std::uint64_t(high - low));
    for (int k = low; k < high; ++k) append_signed(bytes, std::int64_t(now.bins[k] - before.bins[k]));
    before = now;
    last = column.index;
  }
  return deflated(std::string(bytes.begin(), bytes.end()));
}

}  // namespace

std::string deflated(const std::string& bytes) {
  std::string out(compressBound(bytes.size()), '\0');
  uLongf size = out.size();
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(),
                9) != Z_OK)
    throw std::runtime_error("zlib could not compress the report's data");
  out.resize(size);
  return out;
}

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (at + k < bytes.size() ? static_cast<unsigned char>(bytes[at + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += at + k <= bytes.size() ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Histograms read_histograms(const RunReader& run, const HistogramOptions& options) {
  Histograms result;
  const std::map<long, long> watched = run.watched_steps();  // step, last step of its row
  while (!watched.empty() && long(watched.size() - 1) >> result.merged >= options.columns) ++result.merged;
  std::map<long, int> column_of;
  for (const auto& [step, last] : watched) {
    const int column = int(column_of.size() >> result.merged);
    column_of[step] = column;
    if (column == int(result.first.size()))
      result.first.push_back(step), result.last.push_back(last), result.rows.push_back(0);
    result.last.back() = std::max(result.last.back(), last);
    result.rows.back() += last - step + 1;
  }

  std::map<std::pair<int, int>, std::pair<Open, Columns>> series;  // by quantity and tensor
  const auto wanted = [&](Quantity q) {
    const auto& list = options.quantities;
    return list.empty() || std::find(list.begin(), list.end(), q) != list.end();
  };
  std::map<std::pair<int, int>, TensorStats> totals;
  run.watch({}, [&](const WatchRow& w) {
    if (!wanted(w.quantity)) return;
    auto& total = totals[{int(w.quantity), w.tensor}];
    for (int k = 0; k < kBins; ++k) total.bins[k] += w.stats.bins[k];
    auto& [open, done] = series[{int(w.quantity), w.tensor}];
    const int column = column_of.at(w.step);
    if (column != open.index) open.close(done);
    open.index = column;
    open.add(w.stats, w.last_step - w.step + 1);
  });
  for (auto& [key, value] : series) value.first.close(value.second);

  while (true) {
    std::size_t bytes = 0;
    result.series.clear();
    for (const auto& [key, value] : series) {
      HistogramSeries s{key.second, Quantity(key.first), packed(value.second), {}, {}, totals[key]};
      for (const Column& c : value.second) {
        s.columns.push_back(c.index);
        const double mean = c.sum_of_squares / double(std::max(1L, c.rows));
        s.norms.push_back(mean > 0 && std::isfinite(mean) ? int(std::lround(32 * std::log2(mean))) : kNoNorm);
      }
      bytes += s.bytes.size();
      result.series.push_back(std::move(s));
    }
    if (bytes <= options.most_bytes || result.first.size() < 32) return result;
    for (auto& [key, value] : series) value.second = halved(value.second);
    const Histograms finer = std::move(result);
    result = {};
    result.merged = finer.merged + 1;
    for (std::size_t c = 0; c < finer.first.size(); c += 2) {
      const std::size_t second = std::min(c + 1, finer.first.size() - 1);
      result.first.push_back(finer.first[c]);
      result.last.push_back(finer.last[second]);
      result.rows.push_back(finer.rows[c] + (second > c ? finer.rows[second] : 0));
    }
  }
}

}  // namespace heartbeat
