#include "kernels/common/pair_code.cuh"
#include "kernels/common/tile_product.cuh"
#include "kernels/elementwise/elementwise.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pair_init/pair_init.h"

namespace heartbeat::kernels {
namespace {

// What a pair is made from: rows of h and of E.
struct Parts {
  int left, right, bucket;
};

void find_parts(Cuda cuda, PairBatch batch, Parts* parts) {
  for_each(cuda, batch.pairs, [=] __device__(long p) {
    const PairPlace at = place_of_pair(batch, p);
    const PairMap& map = batch.maps[at.map];
    parts[p] = {int(map.first_residue + at.i), int(map.first_residue + at.j), device_bucket(map, at.i, at.j)};
  });
}

// Sums of f(row of the pair, row of the other residue) over the pairs (i, j), j >= i, or (j, i), j <= i.
template <class F>
__device__ auto sum_right(const PairMap& map, long i, F f) {
  decltype(f(0L, 0L)) sum = 0;
  for (long j = i; j < map.length; ++j) sum += f(map.row(i, j), map.first_residue + j);
  return sum;
}
template <class F>
__device__ auto sum_left(const PairMap& map, long i, F f) {
  decltype(f(0L, 0L)) sum = 0;
  for (long j = 0; j <= i; ++j) sum += f(map.row(j, i), map.first_residue + j);
  return sum;
}

// dE by buckets: partial [chunks, 64, C]. A block owns one bucket in one chunk of pairs; its threads own channels and
// take the same branch at every pair.
constexpr long kPairsPerSum = 4096;

template <class T>
__global__ void __launch_bounds__(kWarp) bucket_sums_of_chunk(const Parts* parts, Matrix<const T> dz, Acc<T>* partial) {
  const long first = blockIdx.x * kPairsPerSum, last = min(first + kPairsPerSum, dz.rows);
  const int bucket = blockIdx.y;
  for (long c = threadIdx.x; c < dz.cols; c += kWarp) {
    Acc<T> sum = 0;
    for (long p = first; p < last; ++p)
      if (parts[p].bucket == bucket) sum += dz.row(p)[c];
    partial[(long(blockIdx.x) * kBuckets + bucket) * dz.cols + c] = sum;
  }
}

template <class T>
void add_bucket_sums(Cuda cuda, const Parts* parts, Matrix<const T> dz, Matrix<Acc<T>> dE) {
  const unsigned chunks = blocks_for(dz.rows, kPairsPerSum);
  const cuda::Scratch<Acc<T>> partial(cuda, chunks * dE.numel());
  launch<bucket_sums_of_chunk<T>>({.grid = {chunks, kBuckets}, .block = kWarp}, cuda, parts, dz, partial.data());
  add_chunks<Acc<T>>(cuda, partial.data(), chunks, dE.numel(), dE.data);
}

}  // namespace

template <class T>
void pair_init(Cuda cuda, PairBatch batch, Matrix<const T> h, PairInitWeights<const Acc<T>> w, Matrix<T> z) {
  if (!z.numel()) return;
  const long d = h.cols, C = z.cols;
  const cuda::Scratch<Parts> places(cuda, batch.pairs);
  const cuda::Scratch<Acc<T>> left(cuda, h.rows * C), right(cuda, h.rows * C);
  Parts* parts = places.data();
  find_parts(cuda, batch, parts);
  const Matrix<Acc<T>> l{left.data(), h.rows, C}, r{right.data(), h.rows, C};
  matmul_transposed<T, Acc<T>>(cuda, h, w.W_l, l);
  matmul_transposed<T, Acc<T>>(cuda, h, w.W_r, r);
  tile_product<Acc<T>>(
      cuda, z.rows, C, d, [=] __device__(long p, long k) { return h.row(parts[p].left)[k] * h.row(parts[p].right)[k]; },
      [=] __device__(long k, long c) { return w.W_m.row(c)[k]; },
      [=] __device__(long p, long c, long, Acc<T> sum) {
        const Parts from = parts[p];
        z.row(p)[c] = T(sum + l.row(from.left)[c] + r.row(from.right)[c] + w.E.row(from.bucket)[c] + w.b.data[c]);
      });
}

template <class T>
void pair_init_backward(Cuda cuda, PairBatch batch, Matrix<const T> dz, Matrix<const T> h,
                        PairInitWeights<const Acc<T>> w, Matrix<T> dh, PairInitWeights<Acc<T>> dw) {
  if (!dz.numel()) return;
  const long d = h.cols, C = dz.cols;
  const cuda::Scratch<Parts> places(cuda, batch.pairs);
  Parts* parts = places.data();
  find_parts(cuda, batch, parts);

  // Sums of dz over the pairs that a residue is on the left of, and on the right.
  const cuda::Scratch<Acc<T>> left(cuda, h.rows * C), right(cuda, h.rows * C);
  const Matrix<Acc<T>> l{left.data(), h.rows, C}, r{right.data(), h.rows, C};
  for_each(cuda, l.numel(), [=] __device__(long e) {
    const PairMap& map = batch.maps[map_of_residue(batch, e / C)];
    const long i = e / C - map.first_residue, c = e % C;
    const auto value = [=](long p, long) { return Acc<T>(dz.row(p)[c]); };
    l.data[e] = sum_right(map, i, value);
    r.data[e] = sum_left(map, i, value);
  });
  if (dw.W_l.data) outer_sum_accumulate<Acc<T>, T>(cuda, l, h, dw.W_l);
  if (dw.W_r.data) outer_sum_accumulate<Acc<T>, T>(cuda, r, h, dw.W_r);
  if (dw.b.data) column_sum_accumulate<Acc<T>>(cuda, l, dw.b.data);  // every pair has one left residue
  if (dw.E.data) add_bucket_sums<T>(cuda, parts, dz, dw.E);
  if (dw.W_m.data)
    long_product<Acc<T>>(
        cuda, C, d, dz.rows, [=] __device__(long c, long p) { return Acc<T>(dz.row(p)[c]); },
        [=] __device__(long p, long k) { return h.row(parts[p].left)[k] * h.row(parts[p].right)[k]; },
        [=] __device__(long c, long k, Acc<T> sum) { dw.W_m.row(c)[k] += sum; });
  if (!dh.data) return;
  const cuda::Scratch<Acc<T>> products(cuda, dz.rows * d), sums(cuda, dh.numel());
  const Matrix<Acc<T>> g{products.data(), dz.rows, d}, from_terms{sums.data(), dh.rows, d};
  matmul<Acc<T>>(cuda, l, w.W_l, from_terms);
  matmul_accumulate<Acc<T>>(cuda, r, w.W_r, from_terms);
  matmul<T, Acc<T>>(cuda, dz, w.W_m, g);  // what arrives at h_i * h_j
  for_each(cuda, dh.numel(), [=] __device__(long e) {
    const PairMap& map = batch.maps[map_of_residue(batch, e / d)];
    const long i = e / d - map.first_residue, k = e % d;
    const auto value = [=](long p, long j) { return g.row(p)[k] * h.row(j)[k]; };
    // h_i * h_i counts twice, as it should
    dh.data[e] = T(dh.data[e] + from_terms.data[e] + sum_right(map, i, value) + sum_left(map, i, value));
  });
}

#define INSTANTIATE(T)                                                                                               \
  template void pair_init(Cuda, PairBatch, Matrix<const T>, PairInitWeights<const Acc<T>>, Matrix<T>);               \
  template void pair_init_backward(Cuda, PairBatch, Matrix<const T>, Matrix<const T>, PairInitWeights<const Acc<T>>, \
                                   Matrix<T>, PairInitWeights<Acc<T>>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
