// CUDA's device functions for a host compiler: barriers, warp collectives, atomics, arithmetic.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>

#include "kernels/simt/engine.h"
#include "kernels/simt/sanitizers.h"

namespace heartbeat::simt {

template <class T>
T shuffle(unsigned mask, T value, unsigned source, Site site) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits =
      warp_exchange({.kind = Collective::shuffle, .mask = mask, .source_lane = source, .payload = bits, .site = site});
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The checking build hears of an atomic from us, not from the compiler.
void note_atomic(const void* address, std::size_t bytes, const void* code);
#if HEARTBEAT_RACE_CHECK
#if defined(__clang__)  // there no_sanitize_thread still instruments atomics
#define HEARTBEAT_SIMT_ATOMIC __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define HEARTBEAT_SIMT_ATOMIC __attribute__((no_sanitize_thread, noinline))
#endif
#define HEARTBEAT_SIMT_NOTE(p) ::heartbeat::simt::note_atomic(p, sizeof *(p), __builtin_return_address(0))
#else
#define HEARTBEAT_SIMT_ATOMIC inline
#define HEARTBEAT_SIMT_NOTE(p) static_cast<void>(0)
#endif

template <class T, class F>
HEARTBEAT_SIMT_ATOMIC T atomic_update(T* address, F change) {
  T expected;
  __atomic_load(address, &expected, __ATOMIC_RELAXED);
  for (;;) {
    T desired = change(expected);
    if (__atomic_compare_exchange(address, &expected, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return expected;
  }
}

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);

}  // namespace heartbeat::simt

inline void __syncthreads(heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  heartbeat::simt::block_barrier(heartbeat::simt::Vote::count, 0, site);
}
inline int __syncthreads_count(int predicate, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  return heartbeat::simt::block_barrier(heartbeat::simt::Vote::count, predicate, site);
}
inline int __syncthreads_or(int predicate, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  return heartbeat::simt::block_barrier(heartbeat::simt::Vote::any, predicate, site);
}
inline int __syncthreads_and(int predicate, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  return heartbeat::simt::block_barrier(heartbeat::simt::Vote::all, predicate, site);
}

inline void __syncwarp(unsigned mask = ~0u, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  heartbeat::simt::warp_exchange({.mask = mask, .site = site});
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  const unsigned segment = heartbeat::simt::lane() & ~unsigned(width - 1);
  return heartbeat::simt::shuffle(mask, value, segment + (unsigned(source) & unsigned(width - 1)), site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  const unsigned lane = heartbeat::simt::lane();
  const bool inside = (lane & unsigned(width - 1)) + delta < unsigned(width);
  return heartbeat::simt::shuffle(mask, value, inside ? lane + delta : lane, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  const unsigned lane = heartbeat::simt::lane();
  const bool inside = (lane & unsigned(width - 1)) >= delta;
  return heartbeat::simt::shuffle(mask, value, inside ? lane - delta : lane, site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  const unsigned lane = heartbeat::simt::lane(), source = lane ^ unsigned(bits);
  const unsigned end = (lane & ~unsigned(width - 1)) + unsigned(width);
  return heartbeat::simt::shuffle(mask, value, source < end ? source : lane, site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  using namespace heartbeat::simt;
  return unsigned(warp_exchange({.kind = Collective::ballot, .mask = mask, .payload = predicate != 0, .site = site}));
}
inline int __any_sync(unsigned mask, int predicate, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, heartbeat::simt::Site site = heartbeat::simt::Site::current()) {
  return __ballot_sync(mask, predicate, site) == mask;
}

// Exactly CUDA's overload sets: atomicAdd(std::uint64_t*) is refused here as nvcc refuses it.
template <heartbeat::simt::one_of<int, unsigned, unsigned long long, float, double> T>
HEARTBEAT_SIMT_ATOMIC T atomicAdd(T* address, std::type_identity_t<T> value) {
  HEARTBEAT_SIMT_NOTE(address);
  return heartbeat::simt::atomic_update(address, [=](T old) { return old + value; });
}
template <heartbeat::simt::one_of<int, unsigned, unsigned long long, long long> T>
HEARTBEAT_SIMT_ATOMIC T atomicMax(T* address, std::type_identity_t<T> value) {
  HEARTBEAT_SIMT_NOTE(address);
  return heartbeat::simt::atomic_update(address, [=](T old) { return old < value ? value : old; });
}
template <heartbeat::simt::one_of<int, unsigned, unsigned long long, long long> T>
HEARTBEAT_SIMT_ATOMIC T atomicMin(T* address, std::type_identity_t<T> value) {
  HEARTBEAT_SIMT_NOTE(address);
  return heartbeat::simt::atomic_update(address, [=](T old) { return value < old ? value : old; });
}
template <heartbeat::simt::one_of<int, unsigned, unsigned long long, unsigned short> T>
HEARTBEAT_SIMT_ATOMIC T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> desired) {
  HEARTBEAT_SIMT_NOTE(address);
  return heartbeat::simt::atomic_update(address, [=](T old) { return old == expected ? desired : old; });
}

inline void __threadfence() {
  asm volatile("" ::: "memory");
}
inline void __threadfence_block() {
  asm volatile("" ::: "memory");
}
template <class T>
T __ldg(const T* address) {
  return *address;
}
inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}
inline float __int_as_float(int value) {
  return std::bit_cast<float>(value);
}
inline int __popc(unsigned value) {
  return std::popcount(value);
}
inline int __clz(int value) {
  return std::countl_zero(unsigned(value));
}
inline int __ffs(int value) {
  return value == 0 ? 0 : std::countr_zero(unsigned(value)) + 1;
}
inline float rsqrtf(float value) {
  return 1.0f / std::sqrt(value);
}
using std::max;
using std::min;
