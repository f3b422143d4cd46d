// Global gradient norm over many tensors, and the factor that brings it down to max_norm.
//
//   gradients  [tensors] pointers, f32 or f64, sizes in the table; null for a tensor without a gradient
//   norm       sqrt(sum of squares over all elements), summed in f64
//   factor     min(1, max_norm / norm)
//
// max_norm <= 0 never clips. A norm that is not finite is reported as it is, with factor 1: multiplying by it would
// spread one NaN over all parameters and hide where it came from.
// Chunks of fixed size, added in order: results repeat to the bit for any number of threads. Not differentiable.
#pragma once

#include <span>

#include "kernels/common/base.h"
#include "kernels/common/chunk_table.h"

namespace heartbeat::kernels {

struct NormClip {
  double norm = 0, factor = 1;
};

template <class T>
NormClip clip_norm(Cpu, const ChunkTable& table, std::span<const T* const> gradients, double max_norm);

// On a GPU: queued on the stream. The pointers in the host's span and `result` are device memory.
template <class T>
void clip_norm(Cuda cuda, const ChunkTable& table, std::span<const T* const> gradients, double max_norm,
               NormClip* result);

}  // namespace heartbeat::kernels
