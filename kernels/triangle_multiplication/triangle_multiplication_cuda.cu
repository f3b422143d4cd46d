#include "kernels/common/pair_code.cuh"
#include "kernels/triangle_multiplication/triangle_multiplication.h"

namespace heartbeat::kernels {
namespace {

// A warp owns 32 channels of 4 x 8 pairs: 12 rows loaded for 32 products at each k. Lanes are channels, so loads
// coalesce; neighbouring warps meet in the first-level cache.
constexpr int kRows = 4, kCols = 8, kWarps = 8;

// Patches of a work tile, row after row; a block takes them kWarps at a time.
__device__ int patches(int length, int size) {
  return (length + size - 1) / size;
}

template <bool kSymmetric, class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    witnesses_by_patch(PairBatch batch, Matrix<const T> a, Matrix<const T> b, Matrix<T> z) {
  const PairTile tile = batch.tiles[blockIdx.x];
  const PairMap& map = batch.maps[tile.map];
  const long c = long(blockIdx.y) * kWarp + threadIdx.x % kWarp;
  if (c >= z.cols) return;
  const Acc<T> scale = Acc<T>((kSymmetric ? 0.5 : 1.0) / std::sqrt(double(map.length)));
  const int across = patches(tile.j_last - tile.j_first, kCols);
  const int count = patches(tile.i_last - tile.i_first, kRows) * across;
  for (int patch = threadIdx.x / kWarp; patch < count; patch += kWarps) {
    const int i = tile.i_first + patch / across * kRows, j = tile.j_first + patch % across * kCols;
    if (i > j + kCols - 1) continue;  // below the diagonal
    Acc<T> sum[kRows][kCols] = {};
    for (long k = 0; k < map.length; ++k) {
      Acc<T> a_ik[kRows], b_ik[kRows];
      for (int r = 0; r < kRows; ++r) {  // rows past the end of the tile read its last and are not stored
        const long row = map.folded_row(min(i + r, tile.i_last - 1), k);
        a_ik[r] = a.row(row)[c];
        if (kSymmetric) b_ik[r] = b.row(row)[c];
      }
      for (int s = 0; s < kCols; ++s) {
        const long row = map.folded_row(k, min(j + s, tile.j_last - 1));
        const Acc<T> b_kj = b.row(row)[c], a_kj = kSymmetric ? Acc<T>(a.row(row)[c]) : Acc<T>(0);
        for (int r = 0; r < kRows; ++r) {
          sum[r][s] += a_ik[r] * b_kj;
          if (kSymmetric) sum[r][s] += b_ik[r] * a_kj;
        }
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int s = 0; s < kCols; ++s)
        if (i + r < tile.i_last && j + s < tile.j_last && i + r <= j + s)
          z.row(map.row(i + r, j + s))[c] = T(scale * sum[r][s]);
  }
}

// With dZ upper triangular and X symmetric: (dZ X)_uv + (dZ X)_vu, the diagonal once, for one channel.
template <class T>
__device__ Acc<T> from_left(const PairMap& map, Matrix<const T> dz, Matrix<const T> x, long u, long v, long c) {
  Acc<T> sum = 0;
  for (long j = u; j < map.length; ++j) sum += dz.row(map.row(u, j))[c] * x.row(map.folded_row(v, j))[c];
  if (u == v) return sum;
  for (long j = v; j < map.length; ++j) sum += dz.row(map.row(v, j))[c] * x.row(map.folded_row(u, j))[c];
  return sum;
}
// (X dZ)_uv + (X dZ)_vu.
template <class T>
__device__ Acc<T> from_right(const PairMap& map, Matrix<const T> dz, Matrix<const T> x, long u, long v, long c) {
  Acc<T> sum = 0;
  for (long i = 0; i <= v; ++i) sum += x.row(map.folded_row(u, i))[c] * dz.row(map.row(i, v))[c];
  if (u == v) return sum;
  for (long i = 0; i <= u; ++i) sum += x.row(map.folded_row(v, i))[c] * dz.row(map.row(i, u))[c];
  return sum;
}

}  // namespace

template <class T>
void triangle_multiplication(Cuda cuda, PairBatch batch, Matrix<const T> a, Matrix<const T> b, Triangle form,
                             Matrix<T> z, long) {
  const LaunchConfig config{.grid = {unsigned(batch.tile_count), blocks_for(z.cols, kWarp)}, .block = kWarp * kWarps};
  if (form == Triangle::symmetric)
    launch<witnesses_by_patch<true, T>>(config, cuda, batch, a, b, z);
  else
    launch<witnesses_by_patch<false, T>>(config, cuda, batch, a, b, z);
}

template <class T>
void triangle_multiplication_backward(Cuda cuda, PairBatch batch, Matrix<const T> dz, Matrix<const T> a,
                                      Matrix<const T> b, Triangle form, Matrix<T> da, Matrix<T> db, long) {
  const long H = dz.cols;
  const bool symmetric = form == Triangle::symmetric;
  for_each(cuda, dz.numel(), [=] __device__(long e) {
    const PairPlace at = place_of_pair(batch, e / H);
    const PairMap& map = batch.maps[at.map];
    const long c = e % H;
    const Acc<T> scale = Acc<T>((symmetric ? 0.5 : 1.0) / std::sqrt(double(map.length)));
    if (da.data) {
      Acc<T> sum = from_left(map, dz, b, at.i, at.j, c);
      if (symmetric) sum += from_right(map, dz, b, at.i, at.j, c);
      da.data[e] = T(da.data[e] + scale * sum);
    }
    if (db.data) {
      Acc<T> sum = from_right(map, dz, a, at.i, at.j, c);
      if (symmetric) sum += from_left(map, dz, a, at.i, at.j, c);
      db.data[e] = T(db.data[e] + scale * sum);
    }
  });
}

#define INSTANTIATE(T)                                                                                                 \
  template void triangle_multiplication(Cuda, PairBatch, Matrix<const T>, Matrix<const T>, Triangle, Matrix<T>, long); \
  template void triangle_multiplication_backward(Cuda, PairBatch, Matrix<const T>, Matrix<const T>, Matrix<const T>,   \
                                                 Triangle, Matrix<T>, Matrix<T>, long);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
