#include <algorithm>
#include <cmath>
#include <memory>

#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#include "kernels/triangle_multiplication/triangle_multiplication.h"

namespace heartbeat::kernels {
namespace {

using blas::gemm;
using blas::Op;

constexpr long kTile = 16;              // side of the blocks in which pairs are turned from channels-last to L x L
constexpr long kRows = 64;              // rows of a product made by one call; what lies below the diagonal is skipped
constexpr long kChannels = 8;           // fewest channels in a chunk: with less, packed rows are read in crumbs
constexpr long kParallelWork = 200000;  // multiplications below which one core is faster than waking the others

// One chunk of channels of one protein, [count][L][L] in each matrix. Matrices are of Acc<T>, which products want.
template <class T>
struct Chunk {
  const PairMap& map;
  long first, count;

  long L() const { return map.length; }
  T* matrix(T* workspace, long c) const { return workspace + c * L() * L(); }
  bool parallel() const { return L() * L() * L() * count > kParallelWork; }
};

// f(chunk, workspaces[0 .. matrices)) for every protein and chunk of channels.
template <int matrices, class T, class F>
void for_chunks_of_channels(PairBatch batch, long channels, long workspace, F f) {
  const auto chunk_size = [&](long L) {
    const long fits = workspace / std::max(1L, matrices * L * L) / kChannels * kChannels;
    return std::min(channels, std::max(kChannels, fits));
  };
  long largest = 0;
  for (long m = 0; m < batch.map_count; ++m) {
    const long L = batch.maps[m].length;
    largest = std::max(largest, chunk_size(L) * L * L);
  }
  const auto memory = std::make_unique_for_overwrite<T[]>(matrices * largest);
  T* parts[matrices];
  for (int k = 0; k < matrices; ++k) parts[k] = memory.get() + k * largest;
  for (long m = 0; m < batch.map_count; ++m) {
    const long size = chunk_size(batch.maps[m].length);
    for (long first = 0; first < channels; first += size)
      f(Chunk<T>{batch.maps[m], first, std::min(size, channels - first)}, parts);
  }
}

// f(i_first, i_last, j_first, j_last) for the square blocks of the triangle, block rows in parallel.
template <class T, class F>
void for_blocks(const Chunk<T>& chunk, F f) {
  const long L = chunk.L();
#pragma omp parallel for schedule(dynamic) if (chunk.parallel())
  for (long i = 0; i < L; i += kTile)
    for (long j = i; j < L; j += kTile) f(i, std::min(i + kTile, L), j, std::min(j + kTile, L));
}

// f(matrix, i_first, i_last) for blocks of kRows rows of each of the chunk's matrices, in parallel.
template <class T, class F>
void for_row_blocks(const Chunk<T>& chunk, F f) {
  const long L = chunk.L(), blocks = chunks_of(L, kRows);
#pragma omp parallel for schedule(dynamic) if (chunk.parallel())
  for (long task = 0; task < chunk.count * blocks; ++task) {
    const long i = task % blocks * kRows;
    f(task / blocks, i, std::min(i + kRows, L));
  }
}

enum class Below { mirrored, zero };  // what stands below the diagonal

// Packed x -> L x L matrices, with the diagonal multiplied by a factor.
template <class T>
void unpack(const Chunk<Acc<T>>& chunk, Matrix<const T> x, Below below, Acc<T> diagonal, Acc<T>* to) {
  using A = Acc<T>;
  const long L = chunk.L(), H = x.cols;
  for_blocks(chunk, [&](long i_first, long i_last, long j_first, long j_last) {
    const long rows = i_last - i_first, columns = j_last - j_first;
    for (long c = 0; c < chunk.count; ++c) {
      A block[kTile][kTile] = {};  // both directions are written from here, L1 and contiguous
      for (long i = 0; i < rows; ++i) {
        const long j_begin = i_first == j_first ? i : 0;
        const T* from = x.row(chunk.map.row(i_first + i, j_first + j_begin)) + chunk.first + c;
        for (long j = j_begin; j < columns; ++j, from += H) block[i][j] = A(*from);
      }
      if (i_first == j_first)
        for (long i = 0; i < rows; ++i) {
          block[i][i] *= diagonal;
          for (long j = 0; j < i; ++j) block[i][j] = below == Below::mirrored ? block[j][i] : A(0);
        }
      A* const out = chunk.matrix(to, c);
      for (long i = 0; i < rows; ++i) std::copy_n(block[i], columns, out + (i_first + i) * L + j_first);
      if (i_first == j_first) continue;
      for (long j = 0; j < columns; ++j) {
        A mirror[kTile];
        for (long i = 0; i < kTile; ++i) mirror[i] = below == Below::mirrored ? block[i][j] : A(0);
        std::copy_n(mirror, rows, out + (j_first + j) * L + i_first);
      }
    }
  });
}

// The upper triangles -> packed z.
template <class T>
void pack(const Chunk<Acc<T>>& chunk, Acc<T>* from, Matrix<T> z) {
  const long L = chunk.L(), H = z.cols;
  for_blocks(chunk, [&](long i_first, long i_last, long j_first, long j_last) {
    for (long c = 0; c < chunk.count; ++c)
      for (long i = i_first; i < i_last; ++i) {
        const long j_begin = std::max(i, j_first);
        const Acc<T>* row = chunk.matrix(from, c) + i * L;
        T* to = z.row(chunk.map.row(i, j_begin)) + chunk.first + c;
        for (long j = j_begin; j < j_last; ++j, to += H) *to = T(row[j]);
      }
  });
}

// Dense gradients -> packed ones: a packed pair i < j stands for (i, j) and for (j, i), a diagonal one for itself.
template <class T>
void fold_accumulate(const Chunk<Acc<T>>& chunk, Acc<T>* from, Matrix<T> dx) {
  const long L = chunk.L(), H = dx.cols;
  for_blocks(chunk, [&](long i_first, long i_last, long j_first, long j_last) {
    for (long c = 0; c < chunk.count; ++c)
      for (long i = i_first; i < i_last; ++i) {
        const long j_begin = std::max(i, j_first);
        const Acc<T>* dense = chunk.matrix(from, c);
        T* to = dx.row(chunk.map.row(i, j_begin)) + chunk.first + c;
        for (long j = j_begin; j < j_last; ++j, to += H)
          *to = T(*to + (i == j ? dense[i * L + i] : dense[i * L + j] + dense[j * L + i]));
      }
  });
}

}  // namespace

template <class T>
void triangle_multiplication(Cpu, PairBatch batch, Matrix<const T> a, Matrix<const T> b, Triangle form, Matrix<T> z,
                             long workspace) {
  using Sum = Acc<T>;
  for_chunks_of_channels<3, Sum>(batch, z.cols, workspace, [&](const Chunk<Sum>& chunk, Sum* const(&part)[3]) {
    const auto [A, B, Z] = part;
    const long L = chunk.L();
    unpack(chunk, a, Below::mirrored, Sum(1), A);
    unpack(chunk, b, Below::mirrored, Sum(1), B);
    const Sum scale = Sum(1 / std::sqrt(double(L))) / (form == Triangle::oriented ? 1 : 2);
    for_row_blocks(chunk, [&](long c, long i, long i_last) {  // columns j >= i only
      const Sum *A_c = chunk.matrix(A, c), *B_c = chunk.matrix(B, c);
      Sum* to = chunk.matrix(Z, c) + i * L + i;
      gemm<Sum>(Op::none, Op::none, i_last - i, L - i, L, scale, A_c + i * L, L, B_c + i, L, 0, to, L);
      if (form == Triangle::symmetric)
        gemm<Sum>(Op::none, Op::none, i_last - i, L - i, L, scale, B_c + i * L, L, A_c + i, L, 1, to, L);
    });
    pack(chunk, Z, z);
  });
}

// G is dz as a matrix, dA = G B and dB^T = G^T A. Folding does not tell dB from its transpose, and with G upper
// triangular each of the two products is half empty. The symmetric form has a symmetric G: (i, j) and (j, i) take half
// of dz_ij each, and the diagonal all of its own.
template <class T>
void triangle_multiplication_backward(Cpu, PairBatch batch, Matrix<const T> dz, Matrix<const T> a, Matrix<const T> b,
                                      Triangle form, Matrix<T> da, Matrix<T> db, long workspace) {
  using Sum = Acc<T>;
  const bool oriented = form == Triangle::oriented;
  for_chunks_of_channels<3, Sum>(batch, dz.cols, workspace, [&](const Chunk<Sum>& chunk, Sum* const(&part)[3]) {
    const auto [G, X, D] = part;
    const long L = chunk.L();
    const Sum scale = Sum(1 / std::sqrt(double(L))) / (oriented ? 1 : 2);
    unpack(chunk, dz, oriented ? Below::zero : Below::mirrored, Sum(oriented ? 1 : 2), G);
    if (da.data) {
      unpack(chunk, b, Below::mirrored, Sum(1), X);
      for_row_blocks(chunk, [&](long c, long i, long i_last) {
        const long k = oriented ? i : 0;  // G is zero for k < i
        gemm<Sum>(Op::none, Op::none, i_last - i, L, L - k, scale, chunk.matrix(G, c) + i * L + k, L,
                  chunk.matrix(X, c) + k * L, L, 0, chunk.matrix(D, c) + i * L, L);
      });
      fold_accumulate(chunk, D, da);
    }
    if (db.data) {
      unpack(chunk, a, Below::mirrored, Sum(1), X);
      for_row_blocks(chunk, [&](long c, long j, long j_last) {
        const long k_last = oriented ? j_last : L;  // G^T is zero for k > j
        gemm<Sum>(Op::transpose, Op::none, j_last - j, L, k_last, scale, chunk.matrix(G, c) + j, L, chunk.matrix(X, c),
                  L, 0, chunk.matrix(D, c) + j * L, L);
      });
      fold_accumulate(chunk, D, db);
    }
  });
}

#define HEARTBEAT_INSTANTIATE(T)                                                                                      \
  template void triangle_multiplication(Cpu, PairBatch, Matrix<const T>, Matrix<const T>, Triangle, Matrix<T>, long); \
  template void triangle_multiplication_backward(Cpu, PairBatch, Matrix<const T>, Matrix<const T>, Matrix<const T>,   \
                                                 Triangle, Matrix<T>, Matrix<T>, long);
HEARTBEAT_INSTANTIATE(bf16)
HEARTBEAT_INSTANTIATE(float)
HEARTBEAT_INSTANTIATE(double)
#undef HEARTBEAT_INSTANTIATE

}  // namespace heartbeat::kernels
