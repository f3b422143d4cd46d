// Stochastic gradient descent on many tensors in one pass, with the heartbeat taken on the way. PyTorch's rule:
//
//   g = clip_factor gradient + weight_decay value
//   b = momentum b + g               only with momentum; b starts at 0
//   value -= lr (g + momentum b)     Nesterov
//   value -= lr b                    else (g without momentum)
//
//   value, momentum [n] each, f32 or f64, updated in place
//   gradient        [n], read; null leaves value and momentum alone
//
// Each operation rounds once in T, in the order written here, without fused multiply-add: the same bits on any
// processor and any number of threads. Statistics as in histogram. Not differentiable.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/chunk_table.h"
#include "kernels/common/optimizer_step.h"

namespace heartbeat::kernels {

template <class T>
struct SgdTensor {
  T* value = nullptr;
  T* gradient = nullptr;
  T* momentum = nullptr;    // not read when SgdRule::momentum is 0
  double weight_decay = 0;  // of this tensor
  bool watched = true;
};
struct SgdRule {
  double lr = 0.01, momentum = 0;
  bool nesterov = false;
  const double* device_lr =
      nullptr;  // on a GPU, in its memory: read instead of lr, so that a recorded step has a new one
};

// table holds the sizes of the tensors.
template <class T>
void sgd(Cpu, const ChunkTable& table, std::span<const SgdTensor<T>> tensors, const SgdRule& rule,
         const StepOptions& options, const Watch& watch);

// On a GPU: queued on the stream. The pointers inside the host's span, the spans of the watch and
// options.device_clip_factor are device memory.
template <class T>
void sgd(Cuda cuda, const ChunkTable& table, std::span<const SgdTensor<T>> tensors, const SgdRule& rule,
         const StepOptions& options, const Watch& watch);

}  // namespace heartbeat::kernels
