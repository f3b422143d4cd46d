#include "kernels/common/math.h"
#include "kernels/common/pair_code.cuh"
#include "kernels/contact_loss/contact_loss.h"

namespace heartbeat::kernels {
namespace {

// The pairs of a tile are dealt out to the threads of a block: f(i, j) for those with i <= j.
template <class F>
__device__ void for_pairs_of_tile(const PairTile& tile, F f) {
  const int width = tile.j_last - tile.j_first, count = (tile.i_last - tile.i_first) * width;
  for (int e = threadIdx.x; e < count; e += blockDim.x) {
    const int i = tile.i_first + e / width, j = tile.j_first + e % width;
    if (i <= j) f(i, j);
  }
}

// Sums of whole numbers are the same in any order.
__global__ void __launch_bounds__(kThreads)
    count_valid_of_tile(PairBatch batch, ContactLabels labels, unsigned mask, unsigned long long* valid) {
  const PairTile tile = batch.tiles[blockIdx.x];
  const PairMap& map = batch.maps[tile.map];
  unsigned count = 0;
  for_pairs_of_tile(tile, [&](int i, int j) { count += __popc(labels.valid[map.row(i, j)] & mask); });
  count = block_sum(count);
  if (threadIdx.x == 0) atomicAdd(&valid[tile.map], (unsigned long long)count);
}

// share[m] = what one entry of protein m counts in the loss.
__global__ void share_of_proteins(PairBatch batch, const unsigned long long* valid, double* share) {
  double weights = 0;
  for (long m = 0; m < batch.map_count; ++m)
    if (valid[m]) weights += std::sqrt(double(batch.maps[m].length));
  for (long m = 0; m < batch.map_count; ++m)
    share[m] = valid[m] ? std::sqrt(double(batch.maps[m].length)) / weights / double(valid[m]) : 0;
}

// partial [K, tiles]: terms of a tile, and the gradients on the way. With x = -z for a positive and z for a negative,
// the term is weight softplus(x) and its slope in z is +-weight sigmoid(x).
template <class T>
__global__ void __launch_bounds__(kThreads) terms_of_tile(PairBatch batch, Matrix<const T> logits, ContactLabels labels,
                                                          const double* share, double* partial, Matrix<T> dlogits) {
  const PairTile tile = batch.tiles[blockIdx.x];
  const PairMap& map = batch.maps[tile.map];
  const int K = int(logits.cols);
  for (int k = 0; k < K; ++k) {
    double sum = 0;
    const double weight_of_channel = labels.channel_weight[k], weight_of_positive = labels.positive_weight[k];
    for_pairs_of_tile(tile, [&](int i, int j) {
      const long p = map.row(i, j);
      const bool valid = labels.valid[p] >> k & 1, positive = labels.positive[p] >> k & 1;
      T slope = 0;
      if (valid) {
        const T weight = T(weight_of_channel * (positive ? weight_of_positive : 1) * separation_weight(map, i, j));
        const T x = positive ? -logits.row(p)[k] : logits.row(p)[k];
        const T small = math::exp(-std::abs(x));
        // NaN > 0 is false, so it comes through small.
        sum += double(weight * ((x > 0 ? x : T(0)) + std::log1p(small)));
        slope = (positive ? -weight : weight) * T(share[tile.map]) * ((x < 0 ? small : T(1)) / (1 + small));
      }
      if (dlogits.data) dlogits.row(p)[k] = slope;
    });
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[k * long(gridDim.x) + blockIdx.x] = sum * share[tile.map];
  }
}

}  // namespace

template <class T>
void contact_loss(Cuda cuda, PairBatch batch, Matrix<const T> logits, ContactLabels labels, double* loss_by_channel,
                  Matrix<T> dlogits) {
  const long K = logits.cols;
  const unsigned tiles = unsigned(batch.tile_count);
  const cuda::Scratch<unsigned long long> valid(cuda, batch.map_count);
  const cuda::Scratch<double> share(cuda, batch.map_count), partial(cuda, batch.tile_count * K);
  cuda::clear(cuda, valid.data(), batch.map_count * sizeof(unsigned long long));
  launch<count_valid_of_tile>({.grid = tiles, .block = kThreads}, cuda, batch, labels, (1u << K) - 1, valid.data());
  launch<share_of_proteins>({.grid = 1, .block = 1}, cuda, batch, valid.data(), share.data());
  launch<terms_of_tile<T>>({.grid = tiles, .block = kThreads}, cuda, batch, logits, labels, share.data(),
                           partial.data(), dlogits);
  for (long k = 0; k < K; ++k)
    sum_terms(cuda, partial.data() + k * tiles, tiles, [=] __device__(double sum) { loss_by_channel[k] = sum; });
}

template void contact_loss(Cuda, PairBatch, Matrix<const float>, ContactLabels, double*, Matrix<float>);
template void contact_loss(Cuda, PairBatch, Matrix<const double>, ContactLabels, double*, Matrix<double>);

}  // namespace heartbeat::kernels
