// What log_softmax and cross_entropy both need of a row of scores.
#pragma once

#include <algorithm>
#include <limits>

#include "kernels/common/math.h"

namespace heartbeat::kernels {

// log(sum of exp(x)) = largest + log(sum): every exponent is at most 0, so that no exponential overflows, and one of
// them is 1, so that the logarithm never sees 0.
template <class T>
struct ShiftedSum {
  T largest, sum;
};
template <class T>
ShiftedSum<T> shifted_sum(const T* x, long c) {
  T largest = -std::numeric_limits<T>::infinity(), sum = 0;
#pragma omp simd reduction(max : largest)
  for (long j = 0; j < c; ++j) largest = x[j] > largest ? x[j] : largest;
#pragma omp simd reduction(+ : sum)
  for (long j = 0; j < c; ++j) sum += math::exp(x[j] - largest);
  return {largest, sum};
}

// Rows that one core takes at a time; an exponential costs about as much as copying ten elements.
inline long rows_per_softmax_task(long cols) {
  return std::max(1L, (1L << 13) / std::max(1L, cols));
}

}  // namespace heartbeat::kernels
