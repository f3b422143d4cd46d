// The convolution as a matrix product over taps and channels whose left operand is gathered: row p, column (t, c) is
// channel c of the pair that tap t of pair p reads. Tables of those pairs are made first; nothing else is written out.
#include <climits>

#include "kernels/common/pair_code.cuh"
#include "kernels/common/tile_product.cuh"
#include "kernels/elementwise/elementwise.h"
#include "kernels/pair_conv/pair_conv.h"

namespace heartbeat::kernels {
namespace {

constexpr int kTaps = 9;  // t = 3 (a + 1) + b + 1; a tied kernel reads its six matrices at nine taps

// Weight of tap t, output o and input c in W.
__device__ long weight_index(const PairConvShape& shape, int t, long o, long c) {
  constexpr int kTied[kTaps] = {0, 3, 4, 3, 1, 5, 4, 5, 2};  // (a, b) in the order -1-1 00 11 -10 -11 01
  return shape.tied ? (o * shape.in + c) * 6 + kTied[t] : (o * shape.in + c) * kTaps + t;
}

// i + step, or -1 where the chain ends or has a gap in between.
__device__ long linked(const PairMap& map, long i, long step) {
  const long to = i + step;
  const bool whole =
      to >= 0 && to < map.length && map.segment[to] == map.segment[i] && map.position[to] - map.position[i] == step;
  return whole ? to : -1;
}

void expect_small(const PairBatch& batch, int dilation) {
  if (batch.pairs > INT_MAX || batch.residues > INT_MAX / (2 * dilation + 1))
    throw std::invalid_argument("pair_conv: a batch of " + std::to_string(batch.pairs) +
                                " pairs does not fit its tables; make it smaller");
}

// table [9, pairs]: the row of x that tap t of a pair reads, or -1.
void find_taps(Cuda cuda, PairBatch batch, int d, int* table) {
  for_each(cuda, batch.pairs, [=] __device__(long p) {
    const PairPlace at = place_of_pair(batch, p);
    const PairMap& map = batch.maps[at.map];
    for (int t = 0; t < kTaps; ++t) {
      const long u = linked(map, at.i, (t / 3 - 1) * d), v = linked(map, at.j, (t % 3 - 1) * d);
      table[t * batch.pairs + p] = u < 0 || v < 0 ? -1 : int(map.folded_row(u, v));
    }
  });
}
// The adjoint: the row of dy whose tap t reads this pair without being folded.
void find_readers(Cuda cuda, PairBatch batch, int d, int* table) {
  for_each(cuda, batch.pairs, [=] __device__(long p) {
    const PairPlace at = place_of_pair(batch, p);
    const PairMap& map = batch.maps[at.map];
    for (int t = 0; t < kTaps; ++t) {
      const long i = linked(map, at.i, (1 - t / 3) * d), j = linked(map, at.j, (1 - t % 3) * d);
      table[t * batch.pairs + p] = i < 0 || j < 0 || i > j ? -1 : int(map.row(i, j));
    }
  });
}
// Readers whose tap was folded into the pair (u, v), u < v, are at most 2 d from the diagonal, and so is the pair:
// entry r is pair (u, u + r % width) of residue r / width. pair [entries], -1 for none; table [9, entries].
void find_folded_readers(Cuda cuda, PairBatch batch, int d, int* pair, int* table) {
  const long width = 2 * d + 1, entries = batch.residues * width;
  for_each(cuda, entries, [=] __device__(long r) {
    const PairMap& map = batch.maps[map_of_residue(batch, r / width)];
    const long u = r / width - map.first_residue, v = u + r % width;
    const bool exists = u < v && v < map.length;
    pair[r] = exists ? int(map.row(u, v)) : -1;
    for (int t = 0; t < kTaps; ++t) {
      const long i = exists ? linked(map, v, (1 - t / 3) * d) : -1, j = exists ? linked(map, u, (1 - t % 3) * d) : -1;
      table[t * entries + r] = i < 0 || j < 0 || i > j ? -1 : int(map.row(i, j));
    }
  });
}

}  // namespace

template <class T>
void pair_conv(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x, const Acc<T>* W,
               const Acc<T>* b, Matrix<T> y) {
  expect_small(batch, shape.dilation);
  const cuda::Scratch<int> table(cuda, kTaps * batch.pairs);
  int* taps = table.data();
  find_taps(cuda, batch, shape.dilation, taps);
  const int in = int(shape.in);  // divisions of 64 bits are slow
  const long pairs = batch.pairs;
  tile_product<Acc<T>>(
      cuda, pairs, shape.out, kTaps * in,
      [=] __device__(long p, long q) {
        const int row = taps[int(q) / in * pairs + p];
        return row < 0 ? Acc<T>(0) : Acc<T>(x.row(row)[int(q) % in]);
      },
      [=] __device__(long q, long o) { return W[weight_index(shape, int(q) / in, o, int(q) % in)]; },
      [=] __device__(long p, long o, long, Acc<T> sum) { y.row(p)[o] = T(b ? sum + b[o] : sum); });
}

template <class T>
void pair_conv_dx_accumulate(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> dy,
                             const Acc<T>* W, Matrix<T> dx) {
  expect_small(batch, shape.dilation);
  const int out = int(shape.out);  // divisions of 64 bits are slow
  const long pairs = batch.pairs, entries = batch.residues * (2 * shape.dilation + 1);
  const cuda::Scratch<int> table(cuda, kTaps * pairs), folded_table(cuda, (kTaps + 1) * entries);
  int *readers = table.data(), *pair = folded_table.data(), *folded = pair + entries;
  find_readers(cuda, batch, shape.dilation, readers);
  find_folded_readers(cuda, batch, shape.dilation, pair, folded);
  const auto weight = [=] __device__(long q, long c) { return W[weight_index(shape, int(q) / out, int(q) % out, c)]; };
  tile_product<Acc<T>>(
      cuda, pairs, shape.in, kTaps * out,
      [=] __device__(long p, long q) {
        const int row = readers[int(q) / out * pairs + p];
        return row < 0 ? Acc<T>(0) : Acc<T>(dy.row(row)[int(q) % out]);
      },
      weight, [=] __device__(long p, long c, long, Acc<T> sum) { dx.row(p)[c] = T(dx.row(p)[c] + sum); });
  tile_product<Acc<T>>(
      cuda, entries, shape.in, kTaps * out,
      [=] __device__(long r, long q) {
        const int row = folded[int(q) / out * entries + r];
        return row < 0 ? Acc<T>(0) : Acc<T>(dy.row(row)[int(q) % out]);
      },
      weight,
      [=] __device__(long r, long c, long, Acc<T> sum) {
        if (pair[r] >= 0) dx.row(pair[r])[c] = T(dx.row(pair[r])[c] + sum);
      });
}

template <class T>
void pair_conv_dw_accumulate(Cuda cuda, const PairBatch& batch, const PairConvShape& shape, Matrix<const T> x,
                             Matrix<const T> dy, Acc<T>* dW, Acc<T>* db) {
  if (db) column_sum_accumulate<T>(cuda, dy, db);
  if (!dW || !batch.pairs) return;
  expect_small(batch, shape.dilation);
  const cuda::Scratch<int> table(cuda, kTaps * batch.pairs);
  int* taps = table.data();
  find_taps(cuda, batch, shape.dilation, taps);
  const int in = int(shape.in), out = int(shape.out);
  const long pairs = batch.pairs;
  const cuda::Scratch<Acc<T>> dense(cuda, long(out) * kTaps * in);  // [out, 9, in]
  Acc<T>* const sums = dense.data();
  long_product<Acc<T>>(
      cuda, out, kTaps * in, pairs, [=] __device__(long o, long p) { return Acc<T>(dy.row(p)[o]); },
      [=] __device__(long p, long q) {
        const int row = taps[int(q) / in * pairs + p];
        return row < 0 ? Acc<T>(0) : Acc<T>(x.row(row)[int(q) % in]);
      },
      [=] __device__(long o, long q, Acc<T> sum) { sums[o * kTaps * in + q] = sum; });
  for_each(cuda, long(out) * in, [=] __device__(long e) {  // one thread adds the taps that share a matrix
    const long o = e / in, c = e % in;
    for (int t = 0; t < kTaps; ++t) dW[weight_index(shape, t, o, c)] += sums[(o * kTaps + t) * in + c];
  });
}

#define INSTANTIATE(T)                                                                                                 \
  template void pair_conv(Cuda, const PairBatch&, const PairConvShape&, Matrix<const T>, const Acc<T>*, const Acc<T>*, \
                          Matrix<T>);                                                                                  \
  template void pair_conv_dx_accumulate(Cuda, const PairBatch&, const PairConvShape&, Matrix<const T>, const Acc<T>*,  \
                                        Matrix<T>);                                                                    \
  template void pair_conv_dw_accumulate(Cuda, const PairBatch&, const PairConvShape&, Matrix<const T>,                 \
                                        Matrix<const T>, Acc<T>*, Acc<T>*);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
