// bf16: the upper half of an f32, with all of its range and 8 significant bits. A type to store in, never one to
// compute in: reading gives an f32, exactly, and writing rounds to the nearest, ties to even. NaN stays NaN, and what
// rounds past the largest number becomes Inf. Integer arithmetic throughout, so every processor and GPU gives the same
// bits; the instructions of AVX-512 that round to bf16 take denormals for 0, and are not used.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#if defined(__CUDACC__)
#define HOST_DEVICE __host__ __device__
#else
#define HOST_DEVICE
#endif

namespace heartbeat {

HOST_DEVICE constexpr std::uint16_t bf16_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1), quiet_nan = bits | 0x400000u;
  return std::uint16_t(((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded) >> 16);
}

// The f32 next to x in the direction of 0, its last bit set where x lies beyond it: rounding that again gives what
// rounding x at once would.
constexpr float round_to_odd(double x) {
  const float near = float(x);
  if (!(double(near) != x) || x != x) return near;
  auto bits = std::bit_cast<std::uint32_t>(near);
  if ((x < 0 ? -double(near) : double(near)) > (x < 0 ? -x : x)) --bits;
  return std::bit_cast<float>(bits | 1);
}

struct bf16 {
  bf16() = default;
  template <class X>
  requires std::is_arithmetic_v<X> HOST_DEVICE constexpr explicit bf16(X x) : bits(bf16_bits(float(x))) {}
  constexpr explicit bf16(double x) : bits(bf16_bits(round_to_odd(x))) {}
  HOST_DEVICE static constexpr bf16 of_bits(std::uint16_t bits) {
    bf16 b;
    b.bits = bits;
    return b;
  }

  HOST_DEVICE constexpr operator float() const { return std::bit_cast<float>(std::uint32_t(bits) << 16); }

  std::uint16_t bits;
};
static_assert(sizeof(bf16) == 2 && std::is_trivially_copyable_v<bf16>);

}  // namespace heartbeat
