#include "kernels/adamw/adamw.h"

#include <cmath>

#include "kernels/histogram/watched_update.h"

namespace heartbeat::kernels {

template <class T>
void adamw(Cpu, const ChunkTable& table, std::span<const AdamwTensor<T>> tensors, const AdamwRule& rule,
           const StepOptions& options, const Watch& watch) {
  const T from_gradient = T(1 - rule.beta1), keep_square = T(rule.beta2), from_square = T(1 - rule.beta2);
  const T epsilon = T(rule.epsilon);
  watched_update<T>(table, tensors, options, watch, [=, &rule](const AdamwTensor<T>& tensor) {
    const AdamwCoefficients now = adamw_coefficients(rule, tensor.weight_decay, tensor.step);
    const T rate = T(now.rate), unbias = T(now.unbias), keep = T(now.keep);
    const T l2 = T(tensor.weight_decay);
    const bool adds_l2 = !rule.decoupled && l2 != 0;  // 0 times an infinite value would be NaN
    return [=](long first, long n, const T* gradient) {
      T *values = tensor.value + first, *ms = tensor.m + first, *vs = tensor.v + first;
#pragma omp simd
      for (long i = 0; i < n; ++i) {
        const T g = adds_l2 ? gradient[i] + l2 * values[i] : gradient[i];
        const T m = ms[i] + from_gradient * (g - ms[i]);
        const T v = keep_square * vs[i] + (from_square * g) * g;
        ms[i] = m;
        vs[i] = v;
        values[i] = values[i] * keep - rate * (m / (std::sqrt(v) * unbias + epsilon));
      }
    };
  });
}

template void adamw(Cpu, const ChunkTable&, std::span<const AdamwTensor<float>>, const AdamwRule&, const StepOptions&,
                    const Watch&);
template void adamw(Cpu, const ChunkTable&, std::span<const AdamwTensor<double>>, const AdamwRule&, const StepOptions&,
                    const Watch&);

}  // namespace heartbeat::kernels
