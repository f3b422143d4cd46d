#pragma once

#include <vector>

#include "kernels/pair_conv/pair_conv.h"

namespace heartbeat::kernels {

// Both work on whole L x L maps. W is [out, in, 3, 3]; a tied kernel is untied first.
inline std::vector<double> untie(const double* W, long out, long in) {
  constexpr int kPlace[9] = {0, 3, 4, 3, 1, 5, 4, 5, 2};  // tap (a, b) in the order -1-1 00 11 -10 -11 01
  std::vector<double> dense(out * in * 9);
  for (long k = 0; k < out * in * 9; ++k) dense[k] = W[k / 9 * 6 + kPlace[k % 9]];
  return dense;
}

// Calls f(i, j, a, b, u, v) for each entry (i, j) of the map and each tap (a, b) of it that reads an entry (u, v).
template <class F>
void for_dense_taps(const PairMap& map, int dilation, F f) {
  const auto linked = [&](long from, long to) {
    return to >= 0 && to < map.length && map.segment[from] == map.segment[to] &&
           map.position[to] - map.position[from] == to - from;
  };
  for (long i = 0; i < map.length; ++i)
    for (long j = 0; j < map.length; ++j)
      for (int a = -1; a <= 1; ++a)
        for (int b = -1; b <= 1; ++b) {
          const long u = i + a * dilation, v = j + b * dilation;
          if (linked(i, u) && linked(j, v)) f(i, j, a, b, u, v);
        }
}

// The dense map [L, L, out] of one protein, before anything is thrown away.
inline std::vector<double> dense_conv_spec(const PairMap& map, const PairConvShape& s, Matrix<const double> x,
                                           const double* W, const double* b) {
  std::vector<double> y(map.length * map.length * s.out);
  for (long k = 0; k < long(y.size()); ++k) y[k] = b ? b[k % s.out] : 0;
  for_dense_taps(map, s.dilation, [&](long i, long j, int da, int db, long u, long v) {
    for (long o = 0; o < s.out; ++o)
      for (long c = 0; c < s.in; ++c)
        y[(i * map.length + j) * s.out + o] +=
            W[(o * s.in + c) * 9 + (da + 1) * 3 + db + 1] * x.row(map.folded_row(u, v))[c];
  });
  return y;
}

inline void pair_conv_spec(const PairBatch& batch, const PairConvShape& s, Matrix<const double> x, const double* W,
                           const double* b, Matrix<double> y) {
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    const std::vector<double> dense = dense_conv_spec(map, s, x, W, b);
    for (long i = 0; i < map.length; ++i)
      for (long j = i; j < map.length; ++j)
        for (long o = 0; o < s.out; ++o) y.row(map.row(i, j))[o] = dense[(i * map.length + j) * s.out + o];
  }
}

// Adds into dx, dW and db. dy lives on the upper triangle of the dense result; the dense gradient of X is folded.
inline void pair_conv_gradient_spec(const PairBatch& batch, const PairConvShape& s, Matrix<const double> x,
                                    const double* W, Matrix<const double> dy, Matrix<double> dx, double* dW,
                                    double* db) {
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    for_dense_taps(map, s.dilation, [&](long i, long j, int da, int db_, long u, long v) {
      if (i > j) return;
      const double* from = dy.row(map.row(i, j));
      const long source = map.folded_row(u, v);
      for (long o = 0; o < s.out; ++o)
        for (long c = 0; c < s.in; ++c) {
          const long w = (o * s.in + c) * 9 + (da + 1) * 3 + db_ + 1;
          dx.row(source)[c] += W[w] * from[o];
          dW[w] += from[o] * x.row(source)[c];
        }
    });
  }
  for (long p = 0; p < dy.rows; ++p)
    for (long o = 0; o < s.out; ++o) db[o] += dy.row(p)[o];
}

}  // namespace heartbeat::kernels
