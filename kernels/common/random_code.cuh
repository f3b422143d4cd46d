// Where a kernel's random numbers come from.
#pragma once

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

namespace heartbeat {

// The stream that the threads of a block draw from: as given, or mixed from the name by thread 0. All threads of the
// block call together.
__device__ inline RandomStream stream_of_block(const RandomStream& stream) {
  return stream;
}
__device__ inline RandomStream stream_of_block(const StreamOnDevice& name) {
  __shared__ RandomStream stream;
  if (threadIdx.x == 0) stream = name.stream();
  __syncthreads();  // all draw from it
  return stream;
}

}  // namespace heartbeat
