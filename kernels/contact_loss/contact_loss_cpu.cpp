#include <bit>
#include <cmath>
#include <vector>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "kernels/contact_loss/contact_loss.h"

namespace heartbeat::kernels {
namespace {

constexpr long kPairsPerChunk = 1L << 12;
constexpr long kBlock = 64;  // pairs whose coefficients and terms stay in L1
constexpr long kLabelsPerChunk = 1L << 16;

// log(1 + e) for e in [0, 1]: 2 atanh(s) with s = e / (2 + e) <= 1/3. Without the cancellation of log(1.0f + e), which
// loses the small e that most logits of a contact map give. The first term left out is below 2e-9 of the sum.
inline float log1p_of_unit(float e) {
  const float s = e / (2 + e), q = s * s;
  float sum = 1.f / 15;
  sum = sum * q + 1.f / 13;
  sum = sum * q + 1.f / 11;
  sum = sum * q + 1.f / 9;
  sum = sum * q + 1.f / 7;
  sum = sum * q + 1.f / 5;
  sum = sum * q + 1.f / 3;
  return 2 * s * (sum * q + 1);
}
inline double log1p_of_unit(double e) {
  return std::log1p(e);
}

// The row i of the triangle that holds pair p.
long row_of(long p, long length) {
  long first = 0, last = length;
  while (last - first > 1) {
    const long middle = (first + last) / 2;
    (pair_index(middle, middle, length) <= p ? first : last) = middle;
  }
  return first;
}

long count_valid(const ContactLabels& labels, const PairMap& map, long channels) {
  const std::uint16_t mask = std::uint16_t((1u << channels) - 1);
  std::vector<long> sum(1);
  sum_chunks<long>(pair_count(map.length), kLabelsPerChunk, 1, sum.data(), [&](long first, long last, long* partial) {
    for (long p = first; p < last; ++p)
      *partial += std::popcount(std::uint16_t(labels.valid[map.first_pair + p] & mask));
  });
  return sum[0];
}

// Weights of a batch, ready to be multiplied with: a label turns into one signed coefficient.
template <class T>
struct Coefficients {
  T positive[kMaxContactChannels] = {}, negative[kMaxContactChannels] = {};
  long channels;

  Coefficients(const ContactLabels& labels, long channels) : channels(channels) {
    for (long k = 0; k < channels; ++k) {
      positive[k] = -T(labels.channel_weight[k] * labels.positive_weight[k]);
      negative[k] = T(labels.channel_weight[k]);
    }
  }
  // 0: not valid; below 0: a positive; above: a negative.
  void of_pair(unsigned is_positive, unsigned is_valid, T weight, T* out) const {
#pragma omp simd
    for (long k = 0; k < channels; ++k) {
      const T c = (is_positive >> k & 1) ? positive[k] : negative[k];
      out[k] = (is_valid >> k & 1) ? c * weight : T(0);
    }
  }
};

// Terms and gradients of n entries. With x = -z for a positive and z for a negative, the term is |c| softplus(x) and
// its slope in z is c sigmoid(x).
template <class T>
void evaluate(const T* coefficient, const T* logits, long n, T scale, T* term, T* slope) {
#pragma omp simd
  for (long e = 0; e < n; ++e) {
    const T c = coefficient[e], x = c < 0 ? -logits[e] : logits[e];
    const T small = math::exp(-std::abs(x));
    const T softplus = (x > 0 ? x : T(0)) + log1p_of_unit(small);
    const T sigmoid = (x < 0 ? small : T(1)) / (1 + small);
    term[e] = c == 0 ? T(0) : std::abs(c) * softplus;
    slope[e] = c == 0 ? T(0) : c * scale * sigmoid;
  }
}

}  // namespace

template <class T>
void contact_loss(Cpu, PairBatch batch, Matrix<const T> logits, ContactLabels labels, double* loss_by_channel,
                  Matrix<T> dlogits) {
  const long K = logits.cols;
  std::vector<long> valid(batch.map_count);
  double weights = 0;
  for (long m = 0; m < batch.map_count; ++m) {
    valid[m] = count_valid(labels, batch.maps[m], K);
    if (valid[m]) weights += std::sqrt(double(batch.maps[m].length));
  }

  const Coefficients<T> coefficients(labels, K);
  std::fill_n(loss_by_channel, K, 0.0);
  for (long m = 0; m < batch.map_count; ++m) {
    const PairMap& map = batch.maps[m];
    const double share = valid[m] ? std::sqrt(double(map.length)) / weights / double(valid[m]) : 0;
    std::vector<double> sums(K);
    sum_chunks<double>(pair_count(map.length), kPairsPerChunk, K, sums.data(), [&](long p, long p_last, double* sum) {
      T coefficient[kBlock * kMaxContactChannels], term[kBlock * kMaxContactChannels];
      T slope[kBlock * kMaxContactChannels];
      for (long i = row_of(p, map.length), n; p < p_last; p += n) {
        const long next_row = pair_index(i + 1, i + 1, map.length), j = map.length - (next_row - p);
        n = std::min({kBlock, next_row - p, p_last - p});
        const long row = map.first_pair + p;
        for (long q = 0; q < n; ++q)
          coefficients.of_pair(labels.positive[row + q], labels.valid[row + q], T(separation_weight(map, i, j + q)),
                               coefficient + q * K);
        evaluate(coefficient, logits.row(row), n * K, T(share), term, dlogits.data ? dlogits.row(row) : slope);
        for (long q = 0; q < n; ++q)
#pragma omp simd
          for (long k = 0; k < K; ++k) sum[k] += double(term[q * K + k]);
        i += p + n == next_row;
      }
    });
    for (long k = 0; k < K; ++k) loss_by_channel[k] += share * sums[k];
  }
}

template void contact_loss(Cpu, PairBatch, Matrix<const float>, ContactLabels, double*, Matrix<float>);
template void contact_loss(Cpu, PairBatch, Matrix<const double>, ContactLabels, double*, Matrix<double>);

}  // namespace heartbeat::kernels
