#include "kernels/common/device_code.cuh"
#include "kernels/common/random_code.cuh"
#include "kernels/normal_noise/normal_noise.h"

namespace heartbeat::kernels {
namespace {

// A thread draws one block of Philox: four normals.
template <class Source, class T>
__global__ void __launch_bounds__(kThreads) normals_by_fours(Source source, Matrix<T> y) {
  const RandomStream stream = stream_of_block(source);
  const long n = y.numel();
  for (long block = grid_thread(); 4 * block < n; block += grid_threads()) {
    const RandomBlock words = stream.block(block);
    const NormalPair low = normals(words.word[0], words.word[1]), high = normals(words.word[2], words.word[3]);
    const float z[4] = {low.first, low.second, high.first, high.second};
    for (int i = 0; i < 4 && 4 * block + i < n; ++i) y.data[4 * block + i] = T(z[i]);
  }
}

template <class Source, class T>
void run(Cuda cuda, Source source, Matrix<T> y) {
  launch<normals_by_fours<Source, T>>({.grid = blocks_for(y.numel(), 4 * kThreads), .block = kThreads}, cuda, source,
                                      y);
}

}  // namespace

template <class T>
void normal_noise(Cuda cuda, RandomStream stream, Matrix<T> y) {
  run(cuda, stream, y);
}
template <class T>
void normal_noise(Cuda cuda, StreamOnDevice name, Matrix<T> y) {
  run(cuda, name, y);
}

template void normal_noise(Cuda, RandomStream, Matrix<float>);
template void normal_noise(Cuda, RandomStream, Matrix<double>);
template void normal_noise(Cuda, StreamOnDevice, Matrix<float>);
template void normal_noise(Cuda, StreamOnDevice, Matrix<double>);

}  // namespace heartbeat::kernels
