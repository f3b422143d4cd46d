// Products of small matrices on the tensor cores of one warp: D += A B with f32 sums. A lane holds a few elements of
// each matrix, its fragment; which ones is written in the PTX manual (section on mma.m16n8k8 and mma.m16n8k16) and
// here. On the host the same fragments are put together to whole matrices and multiplied.
//
//   mma_tf32   A [16, 8] B [8, 8]   tf32: f32 of which 10 bits of mantissa count
//   mma_bf16   A [16, 16] B [16, 8] bf16, two to a register, the lower index in the lower half
//
// All 32 lanes call together.
#pragma once

#include "kernels/common/launch.h"

namespace heartbeat {

struct MmaPlace {
  int row, col;
};
// Element i of the lane's fragment: i < 4 in D.
HOST_DEVICE constexpr MmaPlace mma_place_d(int lane, int i) {
  return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2};
}
// i < 4 in A, i < 2 in B.
HOST_DEVICE constexpr MmaPlace mma_tf32_place_a(int lane, int i) {
  return {lane / 4 + i % 2 * 8, lane % 4 + i / 2 * 4};
}
HOST_DEVICE constexpr MmaPlace mma_tf32_place_b(int lane, int i) {
  return {lane % 4 + i * 4, lane / 4};
}
// i < 8 in A, i < 4 in B: element i is half i % 2 of register i / 2.
HOST_DEVICE constexpr MmaPlace mma_bf16_place_a(int lane, int i) {
  return {lane / 4 + i / 2 % 2 * 8, lane % 4 * 2 + i % 2 + i / 4 * 8};
}
HOST_DEVICE constexpr MmaPlace mma_bf16_place_b(int lane, int i) {
  return {lane % 4 * 2 + i % 2 + i / 2 * 8, lane / 4};
}

// Nearest tf32, ties away from zero, as the GPU's own conversion does.
HOST_DEVICE inline std::uint32_t to_tf32(float x) {
#if defined(__CUDA_ARCH__)
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return (finite ? bits + 0x1000u : bits) & 0xffffe000u;
#endif
}
// Nearest bf16, ties to even; NaN stays NaN.
HOST_DEVICE inline std::uint32_t to_bf16(float x) {
  return bf16_bits(x);
}
HOST_DEVICE inline std::uint32_t pack_bf16(float low, float high) {
  return to_bf16(low) | to_bf16(high) << 16;
}

#if defined(__CUDACC__)

__device__ inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#else

namespace simt {

struct Fragments {
  float* d;
  const std::uint32_t *a, *b;
};

template <int kDepth, class PlaceA, class PlaceB, class ElementOf>
void multiply(void* const* of_lane, PlaceA place_a, PlaceB place_b, ElementOf element) {
  float a[16][kDepth], b[kDepth][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& f = *static_cast<const Fragments*>(of_lane[lane]);
    for (int i = 0; i < kDepth / 2; ++i) a[place_a(lane, i).row][place_a(lane, i).col] = element(f.a, i);
    for (int i = 0; i < kDepth / 4; ++i) b[place_b(lane, i).row][place_b(lane, i).col] = element(f.b, i);
  }
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& f = *static_cast<const Fragments*>(of_lane[lane]);
    for (int i = 0; i < 4; ++i) {
      const MmaPlace at = mma_place_d(lane, i);
      for (int k = 0; k < kDepth; ++k) f.d[i] += a[at.row][k] * b[k][at.col];
    }
  }
}

inline void multiply_tf32(void* const* of_lane) {
  multiply<8>(of_lane, mma_tf32_place_a, mma_tf32_place_b,
              [](const std::uint32_t* registers, int i) { return std::bit_cast<float>(registers[i] & 0xffffe000u); });
}
inline void multiply_bf16(void* const* of_lane) {
  multiply<16>(of_lane, mma_bf16_place_a, mma_bf16_place_b, [](const std::uint32_t* registers, int i) {
    return std::bit_cast<float>(registers[i / 2] >> i % 2 * 16 << 16);
  });
}

}  // namespace simt

inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     simt::Site site = simt::Site::current()) {
  simt::Fragments mine{d, a, b};
  simt::warp_exchange({.kind = simt::Collective::together,
                       .mask = kFullWarp,
                       .payload = std::uint64_t(reinterpret_cast<std::uintptr_t>(&mine)),
                       .together = &simt::multiply_tf32,
                       .site = site});
}
inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     simt::Site site = simt::Site::current()) {
  simt::Fragments mine{d, a, b};
  simt::warp_exchange({.kind = simt::Collective::together,
                       .mask = kFullWarp,
                       .payload = std::uint64_t(reinterpret_cast<std::uintptr_t>(&mine)),
                       .together = &simt::multiply_bf16,
                       .site = site});
}

#endif

}  // namespace heartbeat
