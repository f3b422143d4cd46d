#include "kernels/common/chain.h"
#include "kernels/common/pair_code.cuh"
#include "kernels/common/tile_product.cuh"
#include "kernels/relation_conv/relation_conv.h"

namespace heartbeat::kernels {
namespace {

// table [residues, R]: the row of residue i + sign * offsets[r], or -1.
void find_neighbours(Cuda cuda, const PairBatch& batch, Offsets offsets, int sign, int* table) {
  const long R = long(offsets.size());
  const cuda::Scratch<int> uploaded(cuda, offsets.data(), R);
  const int* offset = uploaded.data();
  for_each(cuda, batch.residues * R, [=] __device__(long k) {
    const PairMap& map = batch.maps[map_of_residue(batch, k / R)];
    const long j = chain_neighbour(map, k / R - map.first_residue, sign * offset[k % R]);
    table[k] = j < 0 ? -1 : int(map.first_residue + j);
  });
}

}  // namespace

template <class T>
void relation_conv(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> x, Matrix<const Acc<T>> W,
                   Matrix<T> y) {
  const cuda::Scratch<int> table(cuda, batch.residues * long(offsets.size()));
  int* neighbour = table.data();
  find_neighbours(cuda, batch, offsets, 1, neighbour);
  const int R = int(offsets.size()), in = int(x.cols);
  tile_product<Acc<T>>(
      cuda, y.rows, y.cols, R * in,
      [=] __device__(long i, long q) {
        const int j = neighbour[i * R + int(q) / in];
        return j < 0 ? Acc<T>(0) : Acc<T>(x.row(j)[int(q) % in]);
      },
      [=] __device__(long q, long o) { return W.row(q)[o]; },
      [=] __device__(long i, long o, long, Acc<T> sum) { y.row(i)[o] = T(sum); });
}

template <class T>
void relation_conv_adjoint_x_accumulate(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> dy,
                                        Matrix<const Acc<T>> W, Matrix<T> dx) {
  const cuda::Scratch<int> table(cuda, batch.residues * long(offsets.size()));
  int* neighbour = table.data();
  find_neighbours(cuda, batch, offsets, -1, neighbour);
  const int R = int(offsets.size()), in = int(dx.cols), out = int(dy.cols);
  tile_product<Acc<T>>(
      cuda, dx.rows, in, R * out,
      [=] __device__(long i, long q) {
        const int j = neighbour[i * R + int(q) / out];
        return j < 0 ? Acc<T>(0) : Acc<T>(dy.row(j)[int(q) % out]);
      },
      [=] __device__(long q, long c) { return W.row(int(q) / out * in + c)[int(q) % out]; },
      [=] __device__(long i, long c, long, Acc<T> sum) { dx.row(i)[c] = T(dx.row(i)[c] + sum); });
}

template <class T>
void relation_conv_adjoint_W_accumulate(Cuda cuda, const PairBatch& batch, Offsets offsets, Matrix<const T> x,
                                        Matrix<const T> dy, Matrix<Acc<T>> dW) {
  const cuda::Scratch<int> table(cuda, batch.residues * long(offsets.size()));
  int* neighbour = table.data();
  find_neighbours(cuda, batch, offsets, 1, neighbour);
  const int R = int(offsets.size()), in = int(x.cols);
  long_product<Acc<T>>(
      cuda, R * in, dy.cols, x.rows,
      [=] __device__(long q, long i) {
        const int j = neighbour[i * R + int(q) / in];
        return j < 0 ? Acc<T>(0) : Acc<T>(x.row(j)[int(q) % in]);
      },
      [=] __device__(long i, long o) { return Acc<T>(dy.row(i)[o]); },
      [=] __device__(long q, long o, Acc<T> sum) { dW.row(q)[o] += sum; });
}

#define INSTANTIATE(T)                                                                                                \
  template void relation_conv(Cuda, const PairBatch&, Offsets, Matrix<const T>, Matrix<const Acc<T>>, Matrix<T>);     \
  template void relation_conv_adjoint_x_accumulate(Cuda, const PairBatch&, Offsets, Matrix<const T>,                  \
                                                   Matrix<const Acc<T>>, Matrix<T>);                                  \
  template void relation_conv_adjoint_W_accumulate(Cuda, const PairBatch&, Offsets, Matrix<const T>, Matrix<const T>, \
                                                   Matrix<Acc<T>>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
