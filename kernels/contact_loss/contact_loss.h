// Masked, weighted binary cross-entropy with logits, over the packed pairs of a batch, and its gradient in one pass.
//
//   term(p, k) = channel_weight_k w(p) [pw_k y softplus(-z) + (1 - y) softplus(z)]     z = logits[p, k], y its label
//   protein    = sum of term over valid (p, k) / number of valid (p, k)
//   loss       = sum of sqrt(L) protein / sum of sqrt(L), over the proteins that have a valid entry; 0 if none has
//
// w(p) is 1/2 below a separation of 12, 1 below 24, then 2, and 2 between chains. Entries that are not valid are not
// read: their gradient is 0 whatever their logit. A NaN at a valid entry makes the loss NaN. Sums are kept in double,
// in a fixed order.
#pragma once

#include "kernels/common/base.h"
#include "kernels/common/pair.h"

namespace heartbeat::kernels {

inline constexpr long kMaxContactChannels = 16;  // bits of a label

struct ContactLabels {
  const std::uint16_t *positive = nullptr, *valid = nullptr;           // [pairs], bit k is channel k
  const double *positive_weight = nullptr, *channel_weight = nullptr;  // [K]
};

// How much the pair (i, j) counts: the further apart, the more a contact says about the fold.
HOST_DEVICE inline double separation_weight(const PairMap& map, long i, long j) {
  if (map.segment[i] != map.segment[j]) return 2;
  const long separation = map.position[j] - map.position[i];
  return separation < 12 ? 0.5 : separation < 24 ? 1 : 2;
}

// loss_by_channel [K], overwritten: the loss is their sum. dlogits [pairs, K], overwritten unless its data is null.
template <class T>
void contact_loss(Cpu, PairBatch batch, Matrix<const T> logits, ContactLabels labels, double* loss_by_channel,
                  Matrix<T> dlogits);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void contact_loss(Cuda cuda, PairBatch batch, Matrix<const T> logits, ContactLabels labels, double* loss_by_channel,
                  Matrix<T> dlogits);

}  // namespace heartbeat::kernels
