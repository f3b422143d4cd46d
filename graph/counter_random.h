// Random numbers that are named, not remembered: a stream is a pure function of its key, such as (seed, epoch,
// protein). A resumed run therefore draws what the uninterrupted one would have drawn, with no generator state to save.
// The numbers are SplitMix64 (Steele, Lea and Flood 2014) and use no std:: distribution: the same on every machine.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat {

class CounterRandom {
 public:
  explicit CounterRandom(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t part : key) state_ = mix(state_ + kGolden) ^ mix(part + kGolden);
  }

  std::uint64_t bits() { return mix(state_ += kGolden); }
  double uniform() { return double(bits() >> 11) * 0x1p-53; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double p) { return uniform() < p; }
  // 0 .. n - 1, n > 0. The bias is below n / 2^53.
  long below(long n) { return long(uniform() * double(n)); }
  long between(long low, long high) { return low + below(high - low + 1); }  // both included

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (long i = long(items.size()) - 1; i > 0; --i) std::swap(items[i], items[below(i + 1)]);
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_ = 0;
};

// FNV-1a: a name as a number, the same on every machine.
constexpr std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ std::uint8_t(c)) * 0x100000001b3;
  return hash;
}

}  // namespace heartbeat
