#include "tools/report/histograms.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "tools/log/bins.h"

namespace heartbeat {
TensorStats unpacked(const MergedHistogram& column) {
  TensorStats stats;
  decode_bins(column.bins, stats);
  stats.bins[kNanBin] = column.nan;
  stats.bins[kPlusInfBin] = column.infinite;
  stats.sum_of_squares = column.sum_of_squares;
  stats.abs_sum = column.abs_sum;
  return stats;
}

namespace {

// 64 log2: fine enough for a colour, and an integer.
int level_of(double value) {
  return value > 0 && std::isfinite(value) ? int(std::lround(64 * std::log2(value))) : kNoLevel;
}

void append_signed(std::vector<std::uint8_t>& bytes, std::int64_t value) {
  append_varint(bytes, std::uint64_t(value) << 1 ^ std::uint64_t(value >> 63));
}

std::string packed(const MergedHistograms& columns, long first) {
  std::vector<std::uint8_t> bytes;
  TensorStats before;
  long last = first - 1;
  for (const MergedHistogram& column : columns) {
    if (column.column < first) continue;
    append_varint(bytes, std::uint64_t(column.column - last));
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
    last = column.column;
  }
  return deflated(std::string(bytes.begin(), bytes.end()));
}

}  // namespace

void HistogramMerger::Open::add(const TensorStats& more, long count) {
  for (int k = 0; k < kBins; ++k) stats.bins[k] += more.bins[k];
  if (more.finite() && std::isfinite(more.sum_of_squares)) stats.sum_of_squares += more.sum_of_squares;
  if (more.finite() && std::isfinite(more.abs_sum)) stats.abs_sum += more.abs_sum;
  rows += count;
}

void HistogramMerger::Open::close(MergedHistograms& into) {
  if (column < 0) return;
  into.push_back({column,
                  {},
                  stats.bins[kNanBin],
                  stats.bins[kPlusInfBin] + stats.bins[kMinusInfBin],
                  stats.finite(),
                  stats.sum_of_squares,
                  stats.abs_sum,
                  rows});
  encode_bins(stats, into.back().bins);
  *this = {};
}

MergedHistograms HistogramMerger::Series::closed() const {
  MergedHistograms all = done;
  Open last = open;
  last.close(all);
  return all;
}

MergedHistograms HistogramMerger::halved(const MergedHistograms& columns) {
  MergedHistograms merged;
  Open open;
  for (const MergedHistogram& column : columns) {
    if (column.column / 2 != open.column) open.close(merged);
    open.column = column.column / 2;
    open.add(unpacked(column), column.rows);
  }
  open.close(merged);
  return merged;
}

void HistogramMerger::halve() {
  ++merged_;
  for (auto& [key, s] : series_) {
    s.done = halved(s.closed());
    s.open = {};
  }
  std::deque<long> first, last, rows;
  for (std::size_t c = 0; c < first_.size(); c += 2) {
    const std::size_t second = std::min(c + 1, first_.size() - 1);
    first.push_back(first_[c]);
    last.push_back(last_[second]);
    rows.push_back(rows_[c] + (second > c ? rows_[second] : 0));
  }
  first_ = std::move(first), last_ = std::move(last), rows_ = std::move(rows);
}

void HistogramMerger::add(const WatchRow& w) {
  const auto& list = options_.quantities;
  if (w.step > last_step_) {
    last_step_ = w.step;
    const long column = watched_++ >> merged_;
    if (column == dropped_ + long(first_.size())) {
      first_.push_back(w.step), last_.push_back(w.last_step), rows_.push_back(0);
      if (long(first_.size()) > options_.columns) {
        if (options_.recent)
          first_.pop_front(), last_.pop_front(), rows_.pop_front(), ++dropped_;
        else
          halve();
      }
    }
    rows_.back() += w.last_step - w.step + 1;
  }
  last_.back() = std::max(last_.back(), w.last_step);
  if (!list.empty() && std::find(list.begin(), list.end(), w.quantity) == list.end()) return;
  if (options_.tensor >= 0 && w.tensor != options_.tensor) return;

  Series& s = series_[{int(w.quantity), w.tensor}];
  for (int k = 0; k < kBins; ++k) s.total.bins[k] += w.stats.bins[k];
  const long column = (watched_ - 1) >> merged_;
  if (s.open.column < 0 && !s.done.empty() && s.done.back().column == column) {  // halving has closed it
    s.open.column = column;
    s.open.add(unpacked(s.done.back()), s.done.back().rows);
    s.done.pop_back();
  } else if (column != s.open.column) {
    s.open.close(s.done);
    s.open.column = column;
  }
  s.open.add(w.stats, w.last_step - w.step + 1);
  while (!s.done.empty() && s.done.front().column < dropped_) s.done.pop_front();
}

Histograms HistogramMerger::axis() const {
  return {{first_.begin(), first_.end()}, {last_.begin(), last_.end()}, {rows_.begin(), rows_.end()}, merged_, {}};
}

std::vector<std::pair<int, Quantity>> HistogramMerger::keys() const {
  std::vector<std::pair<int, Quantity>> keys;
  for (const auto& [key, s] : series_) keys.push_back({key.second, Quantity(key.first)});
  return keys;
}

HistogramSeries HistogramMerger::series(int tensor, Quantity quantity, bool bins) const {
  HistogramSeries s{tensor, quantity, {}, {}, {}, {}, {}, {}};
  const auto at = series_.find({int(quantity), tensor});
  if (at == series_.end()) return s;
  const MergedHistograms columns = at->second.closed();
  s.total = at->second.total;
  if (bins) s.bytes = packed(columns, dropped_);
  for (const MergedHistogram& column : columns) {
    if (column.column < dropped_) continue;
    const int index = int(column.column - dropped_);
    s.columns.push_back(index);
    s.norms.push_back(level_of(std::sqrt(column.sum_of_squares / double(std::max(1L, column.rows)))));
    s.means.push_back(column.finite ? level_of(column.abs_sum / double(column.finite)) : kNoLevel);
    if (column.nan || column.infinite) s.broken.push_back(index);
  }
  return s;
}

Histograms HistogramMerger::all() const {
  Histograms result = axis();
  std::size_t bytes = 0;
  for (const auto& [tensor, quantity] : keys()) {
    result.series.push_back(series(tensor, quantity));
    bytes += result.series.back().bytes.size();
  }
  if (bytes <= options_.most_bytes || first_.size() < 32) return result;
  HistogramMerger coarser = *this;
  if (options_.recent) {
    coarser.dropped_ += long(first_.size() / 2);
    for (auto* list : {&coarser.first_, &coarser.last_, &coarser.rows_})
      list->erase(list->begin(), list->begin() + long(first_.size() / 2));
  } else {
    coarser.halve();
  }
  return coarser.all();
}

std::vector<MergedHistogram> HistogramMerger::columns(int tensor, Quantity quantity) const {
  const auto at = series_.find({int(quantity), tensor});
  if (at == series_.end()) return {};
  std::vector<MergedHistogram> list;
  for (MergedHistogram& column : at->second.closed())
    if (column.column >= dropped_) list.push_back(column), list.back().column -= dropped_;
  return list;
}

Histograms read_histograms(const RunReader& run, const HistogramOptions& options) {
  HistogramMerger merger(options);
  StepRange range;
  if (options.recent) {
    const auto watched = run.watched_steps();
    auto at = watched.end();
    for (int k = 0; k < options.columns && at != watched.begin(); ++k) --at;
    if (at != watched.end()) range.first = at->first;
  }
  run.watch(range, [&](const WatchRow& w) { merger.add(w); });
  return merger.all();
}

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

}  // namespace heartbeat
