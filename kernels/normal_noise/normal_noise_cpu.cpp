#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_cpu.h"
#include "kernels/normal_noise/normal_noise.h"

namespace heartbeat::kernels {
namespace {

constexpr long kElementsPerTask = 1 << 11;  // a logarithm, a sine and a cosine for two; a multiple of kWordsAtOnce

}  // namespace

template <class T>
void normal_noise(Cpu, RandomStream stream, Matrix<T> y) {
  for_chunks(y.numel(), kElementsPerTask, [&](long first, long last) {
    for (long start = first; start < last; start += kWordsAtOnce) {
      std::uint32_t word[kWordsAtOnce];
      float z[kWordsAtOnce];
      random_words(stream, start / 4, word);
      const long count = std::min<long>(kWordsAtOnce, last - start);
      for (long k = 0; k < count; k += 2) {
        const NormalPair pair = normals(word[k], word[k + 1]);
        z[k] = pair.first;
        z[k + 1] = pair.second;
      }
      std::copy_n(z, count, y.data + start);
    }
  });
}

template void normal_noise(Cpu, RandomStream, Matrix<float>);
template void normal_noise(Cpu, RandomStream, Matrix<double>);

}  // namespace heartbeat::kernels
