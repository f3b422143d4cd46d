#include "kernels/histogram/tally.cuh"

namespace heartbeat::kernels {
namespace {

template <class T>
__global__ void __launch_bounds__(kTallyThreads)
    tally_chunk(const Chunk* chunks, const T* const* tensors, TensorStats* of_chunk) {
  __shared__ BlockTally tally;
  const Chunk chunk = chunks[blockIdx.x];
  const T* x = tensors[chunk.tensor];
  tally.clear();
  __syncthreads();  // the counters are zero
  ThreadSums mine;
  if (x)
    for (long k = threadIdx.x; k < chunk.count; k += kTallyThreads) tally.add(x[chunk.first + k], mine);
  tally.store(mine, of_chunk[blockIdx.x]);
}

}  // namespace

template <class T>
void histogram(Cuda cuda, const ChunkTable& table, std::span<const T* const> tensors, std::span<TensorStats> stats) {
  const long chunks = long(table.chunks.size());
  const DeviceChunks on_device(cuda, table);
  const cuda::Scratch<const T*> pointers(cuda, tensors.data(), long(tensors.size()));
  const cuda::Scratch<TensorStats> of_chunk(cuda, chunks);
  launch<tally_chunk<T>>({.grid = unsigned(chunks), .block = kTallyThreads}, cuda, on_device.chunks.data(),
                         pointers.data(), of_chunk.data());
  const auto all = [] __device__(long) { return true; };
  launch<merge_chunks<decltype(all)>>({.grid = unsigned(table.tensors), .block = kTallyThreads}, cuda, of_chunk.data(),
                                      on_device.starts.data(), stats.data(), all);
}

template void histogram(Cuda, const ChunkTable&, std::span<const float* const>, std::span<TensorStats>);
template void histogram(Cuda, const ChunkTable&, std::span<const double* const>, std::span<TensorStats>);

}  // namespace heartbeat::kernels
