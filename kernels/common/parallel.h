// Loops over fixed chunks. The chunks depend on the sizes only, never on the number of threads, so a sum taken chunk
// by chunk has the same bits on one core and on sixty-four.
#pragma once

#include <algorithm>
#include <vector>

namespace heartbeat {

inline long chunks_of(long n, long chunk) {
  return (n + chunk - 1) / chunk;
}

// Calls f(first, last) for each chunk of [0, n), in parallel when there is more than one.
template <class F>
void for_chunks(long n, long chunk, F f) {
  const long count = chunks_of(n, chunk);
#pragma omp parallel for schedule(static) if (count > 1)
  for (long k = 0; k < count; ++k) f(k * chunk, std::min(n, (k + 1) * chunk));
}

// Adds the sums of all chunks into out[0..width), in chunk order. f(first, last, partial) adds into partial[0..width),
// which starts at zero.
template <class T, class F>
void sum_chunks(long n, long chunk, long width, T* out, F f) {
  const long count = chunks_of(n, chunk);
  std::vector<T> partial(count * width);
#pragma omp parallel for schedule(static) if (count > 1)
  for (long k = 0; k < count; ++k) f(k * chunk, std::min(n, (k + 1) * chunk), partial.data() + k * width);
  for (long k = 0; k < count; ++k)
    for (long j = 0; j < width; ++j) out[j] += partial[k * width + j];
}

}  // namespace heartbeat
