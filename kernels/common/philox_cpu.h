// Philox for whole arrays on a CPU: the same words as RandomStream, eight blocks side by side.
#pragma once

#include "kernels/common/philox.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace heartbeat {

inline constexpr int kWordsAtOnce = 32;

// word[k] = element 4 * first_block + k of the stream, k < kWordsAtOnce.
inline void random_words(const RandomStream& stream, std::uint64_t first_block, std::uint32_t* word) {
#ifdef __AVX2__
  // Each 64-bit lane holds one 32-bit part of a counter, where the product of 32 by 32 bits wants it; upper halves are
  // left-overs that no product reads. Compilers make a third of this speed from the plain loop: they repack in every
  // round.
  constexpr int kVectors = 2;  // of four blocks
  __m256i c0[kVectors], c1[kVectors], c2[kVectors], c3[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    c0[v] = _mm256_add_epi64(_mm256_set1_epi64x(first_block + 4 * v), _mm256_set_epi64x(3, 2, 1, 0));
    c1[v] = _mm256_srli_epi64(c0[v], 32);
    c2[v] = _mm256_set1_epi64x(stream.high[0]);
    c3[v] = _mm256_set1_epi64x(stream.high[1]);
  }
  std::uint32_t key0 = stream.key[0], key1 = stream.key[1];
  const __m256i m0 = _mm256_set1_epi64x(kPhiloxM0), m1 = _mm256_set1_epi64x(kPhiloxM1);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const __m256i k0 = _mm256_set1_epi64x(key0), k1 = _mm256_set1_epi64x(key1);
    for (int v = 0; v < kVectors; ++v) {
      const __m256i even = _mm256_mul_epu32(m0, c0[v]), odd = _mm256_mul_epu32(m1, c2[v]);
      c0[v] = _mm256_xor_si256(_mm256_srli_epi64(odd, 32), _mm256_xor_si256(c1[v], k0));
      c1[v] = odd;
      c2[v] = _mm256_xor_si256(_mm256_srli_epi64(even, 32), _mm256_xor_si256(c3[v], k1));
      c3[v] = even;
    }
    key0 += kPhiloxKey0;
    key1 += kPhiloxKey1;
  }
  for (int v = 0; v < kVectors; ++v) {
    const __m256i c01 = _mm256_blend_epi32(c0[v], _mm256_slli_epi64(c1[v], 32), 0xAA);
    const __m256i c23 = _mm256_blend_epi32(c2[v], _mm256_slli_epi64(c3[v], 32), 0xAA);
    const __m256i blocks02 = _mm256_unpacklo_epi64(c01, c23), blocks13 = _mm256_unpackhi_epi64(c01, c23);
    __m256i* to = reinterpret_cast<__m256i*>(word + 16 * v);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(blocks02, blocks13, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(blocks02, blocks13, 0x31));
  }
#else
  for (int b = 0; b < kWordsAtOnce / 4; ++b) {
    const RandomBlock block = stream.block(first_block + b);
    for (int k = 0; k < 4; ++k) word[4 * b + k] = block.word[k];
  }
#endif
}

}  // namespace heartbeat
