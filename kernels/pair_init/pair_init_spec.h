#pragma once

#include "kernels/pair_init/pair_init.h"

namespace heartbeat::kernels {

inline void pair_init_spec(PairBatch batch, Matrix<const double> h, PairInitWeights<const double> w, Matrix<double> z) {
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    for (long i = 0; i < map.length; ++i)
      for (long j = i; j < map.length; ++j)
        for (long c = 0; c < z.cols; ++c) {
          const double *h_i = h.row(map.first_residue + i), *h_j = h.row(map.first_residue + j);
          double sum = w.E.row(map.bucket(i, j))[c] + w.b.data[c];
          for (long k = 0; k < h.cols; ++k)
            sum += w.W_l.row(c)[k] * h_i[k] + w.W_r.row(c)[k] * h_j[k] + w.W_m.row(c)[k] * h_i[k] * h_j[k];
          z.row(map.row(i, j))[c] = sum;
        }
  }
}

}  // namespace heartbeat::kernels
