// What log_softmax and cross_entropy share on a GPU: one warp looks at one row of scores.
#pragma once

#include "kernels/common/device_code.cuh"
#include "kernels/common/math.h"

namespace heartbeat::kernels {

inline constexpr int kRowsPerBlock = 8;  // one warp per row

template <class T>
struct ShiftedSum {
  T largest, sum;  // of exp(score - largest)
};

// A NaN loses every comparison, but makes the sum NaN.
template <class T>
__device__ ShiftedSum<T> shifted_sum_of_row(const T* score, long c) {
  const int lane = threadIdx.x % kWarp;
  T largest = -INFINITY, sum = 0;
  for (long j = lane; j < c; j += kWarp) largest = score[j] > largest ? score[j] : largest;
  for (int offset = kWarp / 2; offset; offset /= 2) {
    const T other = __shfl_xor_sync(kFullWarp, largest, offset);
    largest = other > largest ? other : largest;
  }
  for (long j = lane; j < c; j += kWarp) sum += math::exp(score[j] - largest);
  return {largest, warp_sum(sum)};
}

}  // namespace heartbeat::kernels
