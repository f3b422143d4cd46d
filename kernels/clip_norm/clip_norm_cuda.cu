#include "kernels/clip_norm/clip_norm.h"
#include "kernels/common/device_code.cuh"

namespace heartbeat::kernels {
namespace {

template <class T>
__global__ void __launch_bounds__(kThreads)
    squares_of_chunk(const Chunk* chunks, const T* const* gradients, double* squares) {
  const Chunk chunk = chunks[blockIdx.x];
  const T* g = gradients[chunk.tensor];
  double sum = 0;
  if (g)
    for (long k = threadIdx.x; k < chunk.count; k += kThreads)
      sum += double(g[chunk.first + k]) * double(g[chunk.first + k]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

}  // namespace

template <class T>
void clip_norm(Cuda cuda, const ChunkTable& table, std::span<const T* const> gradients, double max_norm,
               NormClip* result) {
  const long count = long(table.chunks.size());
  const cuda::Scratch<Chunk> chunks(cuda, table.chunks.data(), count);
  const cuda::Scratch<const T*> pointers(cuda, gradients.data(), long(gradients.size()));
  const cuda::Scratch<double> squares(cuda, count);
  launch<squares_of_chunk<T>>({.grid = unsigned(count), .block = kThreads}, cuda, chunks.data(), pointers.data(),
                              squares.data());
  sum_terms(cuda, squares.data(), count, [=] __device__(double sum) {
    const double norm = std::sqrt(sum);
    const bool clips = max_norm > 0 && norm > max_norm && norm < INFINITY;  // NaN is not greater
    *result = {norm, clips ? max_norm / norm : 1};
  });
}

template void clip_norm(Cuda, const ChunkTable&, std::span<const float* const>, double, NormClip*);
template void clip_norm(Cuda, const ChunkTable&, std::span<const double* const>, double, NormClip*);

}  // namespace heartbeat::kernels
