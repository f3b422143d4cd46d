// The pass that SGD and AdamW share on a GPU: a block owns a chunk of a tensor, reads value, gradient and state once,
// and takes the heartbeat of what it has in registers.
#pragma once

#include "kernels/common/optimizer_step.h"
#include "kernels/histogram/tally.cuh"

namespace heartbeat::kernels {

// Where the statistics of each chunk go, null for those not taken.
struct ChunkWatch {
  TensorStats *parameter, *gradient, *update, *clipped;
};

// Tensor has value, gradient, watched, begin(), which every thread calls once, and step(i, value, g): updates the state
// of element i and returns its new value.
template <bool kWatch, class T, class Tensor>
__global__ void __launch_bounds__(kTallyThreads)
    update_chunk(const Chunk* chunks, const Tensor* tensors, T host_factor, const double* device_factor, bool skip,
                 bool zero_gradients, ChunkWatch watch) {
  __shared__ BlockTally tallies[kWatch ? 4 : 1];
  const Chunk chunk = chunks[blockIdx.x];
  Tensor tensor = tensors[chunk.tensor];
  tensor.begin();
  T* const gradient = tensor.gradient ? tensor.gradient + chunk.first : nullptr;
  T* const value = tensor.value + chunk.first;
  const T factor = device_factor ? T(*device_factor) : host_factor;
  const bool watched = kWatch && tensor.watched;
  const bool takes[4] = {watched && watch.parameter, watched && watch.gradient, watched && watch.update,
                         watched && watch.clipped};
  ThreadSums mine[kWatch ? 4 : 1];
  if constexpr (kWatch) {
    for (auto& tally : tallies) tally.clear();
    __syncthreads();  // the counters are zero
  }
  for (long k = threadIdx.x; k < chunk.count; k += kTallyThreads) {
    const T before = value[k], g = gradient ? gradient[k] : T(0), clipped = g * factor;
    T after = before;
    if (gradient && !skip) value[k] = after = tensor.step(chunk.first + k, before, clipped);
    if (gradient && zero_gradients) gradient[k] = 0;
    if constexpr (kWatch) {
      if (takes[0]) tallies[0].add(before, mine[0]);
      if (takes[1] && gradient) tallies[1].add(g, mine[1]);
      if (takes[2]) tallies[2].add(after - before, mine[2]);
      if (takes[3] && gradient) tallies[3].add(clipped, mine[3]);
    }
  }
  if constexpr (kWatch) {
    TensorStats* const to[4] = {watch.parameter, watch.gradient, watch.update, watch.clipped};
    for (int q = 0; q < 4; ++q)
      if (takes[q]) tallies[q].store(mine[q], to[q][blockIdx.x]);
  }
}

template <class Tensor>
void merge_watched(Cuda cuda, long count, const TensorStats* from, const long* starts, TensorStats* to,
                   const Tensor* tensors) {
  const auto watched = [tensors] __device__(long t) { return tensors[t].watched; };
  launch<merge_chunks<decltype(watched)>>({.grid = unsigned(count), .block = kTallyThreads}, cuda, from, starts, to,
                                          watched);
}

// Watch holds device memory; so does options.device_clip_factor.
template <class T, class Tensor>
void watched_update(Cuda cuda, const ChunkTable& table, const std::vector<Tensor>& tensors, const StepOptions& options,
                    const Watch& watch) {
  const long chunks = long(table.chunks.size());
  const DeviceChunks on_device(cuda, table);
  const cuda::Scratch<Tensor> work(cuda, tensors.data(), long(tensors.size()));
  const auto space = [&](std::span<TensorStats> stats) { return stats.empty() ? 0 : chunks; };
  const cuda::Scratch<TensorStats> parameter(cuda, space(watch.parameter)), gradient(cuda, space(watch.gradient)),
      update(cuda, space(watch.update)), clipped(cuda, space(watch.clipped));
  const ChunkWatch of_chunk{parameter.data(), gradient.data(), update.data(), clipped.data()};
  const bool watches = of_chunk.parameter || of_chunk.gradient || of_chunk.update || of_chunk.clipped;
  const auto run = [&]<bool kWatch>() {
    launch<update_chunk<kWatch, T, Tensor>>({.grid = unsigned(chunks), .block = kTallyThreads}, cuda,
                                            on_device.chunks.data(), work.data(), T(options.clip_factor),
                                            options.device_clip_factor, options.skip, options.zero_gradients, of_chunk);
  };
  if (watches)
    run.template operator()<true>();
  else
    run.template operator()<false>();
  const Tensor* const all = work.data();
  const auto merge = [&](const TensorStats* from, std::span<TensorStats> stats) {
    if (from) merge_watched(cuda, table.tensors, from, on_device.starts.data(), stats.data(), all);
  };
  merge(of_chunk.parameter, watch.parameter);
  merge(of_chunk.gradient, watch.gradient);
  merge(of_chunk.update, watch.update);
  merge(of_chunk.clipped, watch.clipped);
}

}  // namespace heartbeat::kernels
