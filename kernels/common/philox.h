// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A number is a function of its name, so any thread of any device can draw any element, twice if it likes.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/base.h"

namespace heartbeat {

struct RandomBlock {
  std::uint32_t word[4];
};

inline constexpr int kPhiloxRounds = 10;
inline constexpr std::uint32_t kPhiloxM0 = 0xD2511F53u, kPhiloxM1 = 0xCD9E8D57u;
inline constexpr std::uint32_t kPhiloxKey0 = 0x9E3779B9u, kPhiloxKey1 = 0xBB67AE85u;  // golden ratio, sqrt(3) - 1

// Ten rounds of Philox on a 128-bit counter under a 64-bit key.
HOST_DEVICE inline RandomBlock philox(RandomBlock counter, std::uint32_t key0, std::uint32_t key1) {
  std::uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t even = std::uint64_t(kPhiloxM0) * c0, odd = std::uint64_t(kPhiloxM1) * c2;
    c0 = std::uint32_t(odd >> 32) ^ c1 ^ key0;
    c1 = std::uint32_t(odd);
    c2 = std::uint32_t(even >> 32) ^ c3 ^ key1;
    c3 = std::uint32_t(even);
    key0 += kPhiloxKey0;
    key1 += kPhiloxKey1;
  }
  return {{c0, c1, c2, c3}};
}

// An endless sequence of words. Element e is word e % 4 of block e / 4.
struct RandomStream {
  std::uint32_t key[2], high[2];

  HOST_DEVICE RandomBlock block(std::uint64_t index) const {
    return philox({{std::uint32_t(index), std::uint32_t(index >> 32), high[0], high[1]}}, key[0], key[1]);
  }
  HOST_DEVICE std::uint32_t operator[](std::uint64_t element) const { return block(element / 4).word[element % 4]; }
};

// Names a stream. The four parts do not fit beside a block number, so Philox itself mixes them into 128 bits: two names
// that differ share a stream with probability 2^-128.
HOST_DEVICE inline RandomStream random_stream(std::uint64_t seed, std::uint32_t step, std::uint32_t layer,
                                              std::uint64_t member) {
  const RandomBlock mixed = philox({{step, layer, std::uint32_t(member), std::uint32_t(member >> 32)}},
                                   std::uint32_t(seed), std::uint32_t(seed >> 32));
  return {{mixed.word[0], mixed.word[1]}, {mixed.word[2], mixed.word[3]}};
}

// The same name with what changes from step to step in the memory of a GPU, for a step that is recorded once and
// replayed (Graph in kernels/common/device.h).
struct StreamOnDevice {
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  const std::uint32_t* step = nullptr;
  const std::uint64_t* member = nullptr;  // null: 0

  HOST_DEVICE RandomStream stream() const { return random_stream(seed, *step, layer, member ? *member : 0); }
};

// Training steps stay below this; initial weights are drawn from (seed, kInitStep, number of the draw, 0).
inline constexpr std::uint32_t kInitStep = 0xFFFFFFFFu;

// 24 random bits, so both are exact in f32.
HOST_DEVICE inline float uniform_below_one(std::uint32_t word) {  // [0, 1)
  return float(word >> 8) * 0x1p-24f;
}
HOST_DEVICE inline float uniform_above_zero(std::uint32_t word) {  // (0, 1]
  return float((word >> 8) + 1) * 0x1p-24f;
}

// Two independent standard normals from two words (Box and Muller 1958). The largest is 5.77.
struct NormalPair {
  float first, second;
};
HOST_DEVICE inline NormalPair normals(std::uint32_t radius_word, std::uint32_t angle_word) {
  const float radius = std::sqrt(-2 * std::log(uniform_above_zero(radius_word)));
  const float angle = 6.2831853071795865f * uniform_below_one(angle_word);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace heartbeat
