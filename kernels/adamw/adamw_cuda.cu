#include "kernels/adamw/adamw.h"
#include "kernels/histogram/watched_update.cuh"

namespace heartbeat::kernels {
namespace {

// A tensor and its coefficients, computed on the host in f64 and rounded once, as on the CPU.
template <class T>
struct AdamwWork {
  T *value, *gradient, *ms, *vs;
  T rate, unbias, keep, l2, from_gradient, keep_square, from_square, epsilon;
  bool adds_l2, watched;
  const AdamwCoefficients* coefficients;  // in device memory; null: those above

  __device__ void begin() {
    if (!coefficients) return;
    rate = T(coefficients->rate);
    unbias = T(coefficients->unbias);
    keep = T(coefficients->keep);
  }
  __device__ T step(long i, T value, T gradient) const {
    const T g = adds_l2 ? gradient + l2 * value : gradient;
    const T m = ms[i] + from_gradient * (g - ms[i]);
    const T v = keep_square * vs[i] + (from_square * g) * g;
    ms[i] = m;
    vs[i] = v;
    return value * keep - rate * (m / (std::sqrt(v) * unbias + epsilon));
  }
};

}  // namespace

template <class T>
void adamw(Cuda cuda, const ChunkTable& table, std::span<const AdamwTensor<T>> tensors, const AdamwRule& rule,
           const StepOptions& options, const Watch& watch) {
  std::vector<AdamwWork<T>> work;
  for (const AdamwTensor<T>& tensor : tensors) {
    const AdamwCoefficients now = adamw_coefficients(rule, tensor.weight_decay, tensor.step);
    const AdamwCoefficients* const later = rule.device_coefficients ? rule.device_coefficients + work.size() : nullptr;
    work.push_back({.value = tensor.value,
                    .gradient = tensor.gradient,
                    .ms = tensor.m,
                    .vs = tensor.v,
                    .rate = T(now.rate),
                    .unbias = T(now.unbias),
                    .keep = T(now.keep),
                    .l2 = T(tensor.weight_decay),
                    .from_gradient = T(1 - rule.beta1),
                    .keep_square = T(rule.beta2),
                    .from_square = T(1 - rule.beta2),
                    .epsilon = T(rule.epsilon),
                    .adds_l2 = !rule.decoupled && T(tensor.weight_decay) != 0,
                    .watched = tensor.watched,
                    .coefficients = later});
  }
  watched_update<T>(cuda, table, work, options, watch);
}

template void adamw(Cuda, const ChunkTable&, std::span<const AdamwTensor<float>>, const AdamwRule&, const StepOptions&,
                    const Watch&);
template void adamw(Cuda, const ChunkTable&, std::span<const AdamwTensor<double>>, const AdamwRule&, const StepOptions&,
                    const Watch&);

}  // namespace heartbeat::kernels
