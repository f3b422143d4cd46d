// Adam with decoupled weight decay (Loshchilov & Hutter 2019) on many tensors in one pass, with the heartbeat taken on
// the way. PyTorch's rule, for the t-th step of a tensor:
//
//   g = clip_factor gradient                     + weight_decay value  if not decoupled: plain Adam with L2
//   value *= 1 - lr weight_decay                 if decoupled
//   m += (1 - beta1) (g - m),   v = beta2 v + ((1 - beta2) g) g
//   value -= lr / (1 - beta1^t) * (m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon))
//
//   value, m, v [n] each, f32 or f64, updated in place;  gradient [n], read; null leaves the tensor alone
//
// Coefficients are computed in f64 and rounded once; then each operation rounds once in T, in the order written here
// (with a product by 1 / sqrt(1 - beta2^t)), without fused multiply-add: the same bits on any processor and any number
// of threads. Statistics as in histogram. Not differentiable.
#pragma once

#include <cmath>

#include "kernels/common/base.h"
#include "kernels/common/chunk_table.h"
#include "kernels/common/optimizer_step.h"

namespace heartbeat::kernels {

template <class T>
struct AdamwTensor {
  T* value = nullptr;
  T* gradient = nullptr;
  T* m = nullptr;           // running mean of g
  T* v = nullptr;           // running mean of g^2
  double weight_decay = 0;  // of this tensor
  long step = 1;            // t, counted from 1; tensors that joined late count their own
  bool watched = true;
};
struct AdamwRule {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = true;
  // On a GPU, in its memory, for each tensor: read instead of lr and step, so that a recorded step has new ones.
  const struct AdamwCoefficients* device_coefficients = nullptr;
};

// What of the rule changes from step to step.
struct AdamwCoefficients {
  double rate = 0;    // lr / (1 - beta1^t)
  double unbias = 0;  // 1 / sqrt(1 - beta2^t)
  double keep = 1;    // 1 - lr weight_decay if decoupled
};
inline AdamwCoefficients adamw_coefficients(const AdamwRule& rule, double weight_decay, long step) {
  const double t = double(step);
  return {rule.lr / (1 - std::pow(rule.beta1, t)), 1 / std::sqrt(1 - std::pow(rule.beta2, t)),
          rule.decoupled ? 1 - rule.lr * weight_decay : 1};
}

// table holds the sizes of the tensors.
template <class T>
void adamw(Cpu, const ChunkTable& table, std::span<const AdamwTensor<T>> tensors, const AdamwRule& rule,
           const StepOptions& options, const Watch& watch);

// On a GPU: queued on the stream. The pointers inside the host's span, the spans of the watch and
// options.device_clip_factor are device memory.
template <class T>
void adamw(Cuda cuda, const ChunkTable& table, std::span<const AdamwTensor<T>> tensors, const AdamwRule& rule,
           const StepOptions& options, const Watch& watch);

}  // namespace heartbeat::kernels
