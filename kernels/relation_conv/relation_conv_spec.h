#pragma once

#include "kernels/relation_conv/relation_conv.h"

namespace heartbeat::kernels {

// f(i, j, r) for residues i of every protein and relations r: j is the row of the neighbour, -1 where there is none.
template <class F>
void for_neighbours_spec(const PairBatch& batch, Offsets offsets, F f) {
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    for (long i = 0; i < map.length; ++i)
      for (size_t r = 0; r < offsets.size(); ++r) {
        long neighbour = -1;
        for (long j = 0; j < map.length; ++j)
          if (map.segment[j] == map.segment[i] && map.position[j] - map.position[i] == offsets[r])
            neighbour = map.first_residue + j;
        f(map.first_residue + i, neighbour, long(r));
      }
  }
}

inline void relation_conv_spec(const PairBatch& batch, Offsets offsets, Matrix<const double> x, Matrix<const double> W,
                               Matrix<double> y) {
  for (long k = 0; k < y.numel(); ++k) y.data[k] = 0;
  for_neighbours_spec(batch, offsets, [&](long i, long j, long r) {
    for (long c = 0; c < x.cols; ++c)
      for (long o = 0; o < y.cols; ++o) y.row(i)[o] += (j < 0 ? 0 : x.row(j)[c]) * W.row(r * x.cols + c)[o];
  });
}

// Adds into dx and dW.
inline void relation_conv_adjoint_spec(const PairBatch& batch, Offsets offsets, Matrix<const double> x,
                                       Matrix<const double> W, Matrix<const double> dy, Matrix<double> dx,
                                       Matrix<double> dW) {
  for_neighbours_spec(batch, offsets, [&](long i, long j, long r) {
    for (long c = 0; j >= 0 && c < x.cols; ++c)
      for (long o = 0; o < dy.cols; ++o) {
        dx.row(j)[c] += dy.row(i)[o] * W.row(r * x.cols + c)[o];
        dW.row(r * x.cols + c)[o] += dy.row(i)[o] * x.row(j)[c];
      }
  });
}

}  // namespace heartbeat::kernels
