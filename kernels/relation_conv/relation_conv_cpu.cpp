#include <algorithm>
#include <vector>

#include "kernels/common/blas.h"
#include "kernels/common/chain.h"
#include "kernels/common/parallel.h"
#include "kernels/common/widen.h"
#include "kernels/relation_conv/relation_conv.h"

namespace heartbeat::kernels {
namespace {

using blas::Op;

constexpr long kRows = 64;              // residues of a panel: 5 relations of 96 channels in f32 are 120 KiB, within L2
constexpr long kWeightRows = 256;       // longer for dW, whose products run along the residues
constexpr long kWeightColumns = 32;     // input channels whose rows of dW one task owns
constexpr double kSmall = 1024 * 1024;  // products that one core does sooner than two wake up

// Consecutive residues of one protein.
struct Chunk {
  const PairMap* map;
  long first, last;
};

std::vector<Chunk> chunks_of_proteins(const PairBatch& batch, long rows) {
  std::vector<Chunk> chunks;
  for (const PairMap* map = batch.maps; map != batch.maps + batch.map_count; ++map)
    for (long first = 0; first < map->length; first += rows)
      chunks.push_back({map, first, std::min(first + rows, map->length)});
  return chunks;
}

// Columns [first_column, first_column + width) of the neighbour of each residue of the chunk, zeros where there is
// none, to rows of `panel` that are `stride` apart.
template <class T>
void gather(const Chunk& chunk, int offset, Matrix<const T> x, long first_column, long width, Acc<T>* panel,
            long stride) {
  for (long i = chunk.first; i < chunk.last; ++i, panel += stride) {
    const long j = chain_neighbour(*chunk.map, i, offset);
    if (j < 0)
      std::fill_n(panel, width, Acc<T>(0));
    else
      widen(x.row(chunk.map->first_residue + j) + first_column, width, panel);
  }
}

// y = P(x) W, P(x) [residues, R * in] holding the neighbours at sign * offsets side by side; or y += P(x) W.
template <bool kAccumulate, class T>
void convolve(const PairBatch& batch, Offsets offsets, int sign, Matrix<const T> x, const Acc<T>* W, Matrix<T> y) {
  const std::vector<Chunk> chunks = chunks_of_proteins(batch, kRows);
  const long width = long(offsets.size()) * x.cols;
#pragma omp parallel if (chunks.size() > 1 && double(batch.residues) * width * y.cols > kSmall)
  {
    std::vector<Acc<T>> panel(kRows * width);
#pragma omp for schedule(static)
    for (size_t k = 0; k < chunks.size(); ++k) {
      const Chunk& chunk = chunks[k];
      for (size_t r = 0; r < offsets.size(); ++r)
        gather(chunk, sign * offsets[r], x, 0, x.cols, panel.data() + r * x.cols, width);
      const long rows = chunk.last - chunk.first;
      Rounded<T> to(y.row(chunk.map->first_residue + chunk.first), rows * y.cols, kAccumulate);
      blas::gemm<Acc<T>>(Op::none, Op::none, rows, y.cols, width, 1, panel.data(), width, W, y.cols,
                         kAccumulate ? 1 : 0, to.data(), y.cols);
      to.store();
    }
  }
}

}  // namespace

template <class T>
void relation_conv(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> x, Matrix<const Acc<T>> W,
                   Matrix<T> y) {
  convolve<false>(batch, offsets, 1, x, W.data, y);
}

// i hears j at offset o exactly when j hears i at -o: the adjoint is the same convolution, with the matrices
// transposed.
template <class T>
void relation_conv_adjoint_x_accumulate(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> dy,
                                        Matrix<const Acc<T>> W, Matrix<T> dx) {
  const long in = dx.cols, out = dy.cols;
  std::vector<Acc<T>> transposed(W.numel());
  for (long row = 0; row < W.rows; ++row)
    for (long o = 0; o < out; ++o) transposed[(row / in * out + o) * in + row % in] = W.row(row)[o];
  convolve<true>(batch, offsets, -1, dy, transposed.data(), dx);
}

// A task owns rows of dW and walks over all residues: no partial sums to keep, and one order for any number of threads.
template <class T>
void relation_conv_adjoint_W_accumulate(Cpu, const PairBatch& batch, Offsets offsets, Matrix<const T> x,
                                        Matrix<const T> dy, Matrix<Acc<T>> dW) {
  const std::vector<Chunk> chunks = chunks_of_proteins(batch, kWeightRows);
  const long blocks = chunks_of(x.cols, kWeightColumns);
  const Widened<T> arriving(dy.data, dy.numel());
#pragma omp parallel if (double(x.rows) * dW.numel() > kSmall)
  {
    std::vector<Acc<T>> panel(kWeightRows * kWeightColumns);
#pragma omp for schedule(dynamic)
    for (long task = 0; task < long(offsets.size()) * blocks; ++task) {
      const long r = task / blocks, first = task % blocks * kWeightColumns;
      const long width = std::min(kWeightColumns, x.cols - first);
      for (const Chunk& chunk : chunks) {
        gather(chunk, offsets[r], x, first, width, panel.data(), width);
        blas::gemm<Acc<T>>(Op::transpose, Op::none, width, dy.cols, chunk.last - chunk.first, 1, panel.data(), width,
                           arriving.data() + (chunk.map->first_residue + chunk.first) * dy.cols, dy.cols, 1,
                           dW.row(r * x.cols + first), dW.cols);
      }
    }
  }
}

#define INSTANTIATE(T)                                                                                               \
  template void relation_conv(Cpu, const PairBatch&, Offsets, Matrix<const T>, Matrix<const Acc<T>>, Matrix<T>);     \
  template void relation_conv_adjoint_x_accumulate(Cpu, const PairBatch&, Offsets, Matrix<const T>,                  \
                                                   Matrix<const Acc<T>>, Matrix<T>);                                 \
  template void relation_conv_adjoint_W_accumulate(Cpu, const PairBatch&, Offsets, Matrix<const T>, Matrix<const T>, \
                                                   Matrix<Acc<T>>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
