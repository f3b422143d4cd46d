#include "tools/log/bins.h"

namespace heartbeat {
namespace {

// Reads one varint and moves on; false at the end of the bytes or beyond 64 bits.
bool read_varint(std::span<const std::uint8_t>& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const std::uint64_t low = bytes.front() & 0x7f;
    const bool last = !(bytes.front() & 0x80);
    bytes = bytes.subspan(1);
    if (shift == 63 && low > 1) return false;
    value |= low << shift;
    if (last) return true;
  }
  return false;
}

}  // namespace

void append_varint(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(std::uint8_t(value) | 0x80);
  bytes.push_back(std::uint8_t(value));
}

void encode_bins(const TensorStats& stats, std::vector<std::uint8_t>& bytes) {
  std::uint8_t code[kNanBin * (2 + 10)], *end = code;  // a gap takes two bytes at most, a count ten
  const auto append = [&](std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) *end++ = std::uint8_t(value) | 0x80;
    *end++ = std::uint8_t(value);
  };
  const auto& bins = stats.bins;
  int last = 0;
  for (int index = 0; index < kNanBin; ++index) {
    // Most bins are empty, in long stretches.
    while (index + 4 <= kNanBin && !(bins[index] | bins[index + 1] | bins[index + 2] | bins[index + 3])) index += 4;
    if (index == kNanBin || !bins[index]) continue;
    append(std::uint64_t(index - last));
    append(bins[index]);
    last = index;
  }
  bytes.assign(code, end);
}

bool decode_bins(std::span<const std::uint8_t> bytes, TensorStats& stats) {
  for (int index = 0; index < kNanBin; ++index) stats.bins[index] = 0;
  std::uint64_t index = 0, gap, count;
  for (bool first = true; !bytes.empty(); first = false) {
    if (!read_varint(bytes, gap) || !read_varint(bytes, count)) return false;
    if ((gap == 0 && !first) || gap >= std::uint64_t(kNanBin) || count == 0 || count >> 56) return false;
    index += gap;
    if (index >= std::uint64_t(kNanBin)) return false;
    stats.bins[index] = count;
  }
  return true;
}

}  // namespace heartbeat
