#pragma once

#include <cmath>

#include "kernels/triangle_multiplication/triangle_multiplication.h"

namespace heartbeat::kernels {

inline void triangle_multiplication_spec(PairBatch batch, Matrix<const double> a, Matrix<const double> b, Triangle form,
                                         Matrix<double> z) {
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    for (long i = 0; i < map.length; ++i)
      for (long j = i; j < map.length; ++j)
        for (long c = 0; c < z.cols; ++c) {
          double ab = 0, ba = 0;
          for (long k = 0; k < map.length; ++k) {
            const long ik = map.folded_row(i, k), kj = map.folded_row(k, j);
            ab += a.row(ik)[c] * b.row(kj)[c];
            ba += b.row(ik)[c] * a.row(kj)[c];
          }
          z.row(map.row(i, j))[c] = (form == Triangle::oriented ? ab : (ab + ba) / 2) / std::sqrt(double(map.length));
        }
  }
}

}  // namespace heartbeat::kernels
