#pragma once

#include "kernels/common/base.h"
#include "kernels/common/philox.h"

namespace heartbeat::kernels {

inline void normal_noise_spec(RandomStream stream, Matrix<double> y) {
  for (long e = 0; e < y.numel(); ++e) {
    const long pair = e - e % 2;
    const NormalPair z = normals(stream[pair], stream[pair + 1]);
    y.data[e] = e == pair ? z.first : z.second;
  }
}

}  // namespace heartbeat::kernels
