#include "kernels/common/device_code.cuh"
#include "kernels/normal_noise/normal_noise.h"

namespace heartbeat::kernels {

// A thread draws one block of Philox: four normals.
template <class T>
void normal_noise(Cuda cuda, RandomStream stream, Matrix<T> y) {
  const long n = y.numel();
  for_each(cuda, (n + 3) / 4, [=] __device__(long block) {
    const RandomBlock words = stream.block(block);
    const NormalPair low = normals(words.word[0], words.word[1]), high = normals(words.word[2], words.word[3]);
    const float z[4] = {low.first, low.second, high.first, high.second};
    for (int i = 0; i < 4 && 4 * block + i < n; ++i) y.data[4 * block + i] = T(z[i]);
  });
}

template void normal_noise(Cuda, RandomStream, Matrix<float>);
template void normal_noise(Cuda, RandomStream, Matrix<double>);

}  // namespace heartbeat::kernels
