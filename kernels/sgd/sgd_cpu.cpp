#include "kernels/sgd/sgd.h"

#include "kernels/histogram/watched_update.h"

namespace heartbeat::kernels {

template <class T>
void sgd(Cpu, const ChunkTable& table, std::span<const SgdTensor<T>> tensors, const SgdRule& rule,
         const StepOptions& options, const Watch& watch) {
  const T lr = T(rule.lr), momentum = T(rule.momentum);
  const bool has_momentum = rule.momentum != 0, nesterov = rule.nesterov;
  watched_update<T>(table, tensors, options, watch, [=](const SgdTensor<T>& tensor) {
    const T decay = T(tensor.weight_decay);
    const bool decays = decay != 0;  // 0 times an infinite value would be NaN
    return [=](long first, long n, const T* gradient) {
      T* value = tensor.value + first;
      if (!has_momentum) {
#pragma omp simd
        for (long i = 0; i < n; ++i) value[i] -= lr * (decays ? gradient[i] + decay * value[i] : gradient[i]);
        return;
      }
      T* buffer = tensor.momentum + first;
#pragma omp simd
      for (long i = 0; i < n; ++i) {
        const T g = decays ? gradient[i] + decay * value[i] : gradient[i];
        const T b = momentum * buffer[i] + g;
        buffer[i] = b;
        value[i] -= lr * (nesterov ? g + momentum * b : b);
      }
    };
  });
}

template void sgd(Cpu, const ChunkTable&, std::span<const SgdTensor<float>>, const SgdRule&, const StepOptions&,
                  const Watch&);
template void sgd(Cpu, const ChunkTable&, std::span<const SgdTensor<double>>, const SgdRule&, const StepOptions&,
                  const Watch&);

}  // namespace heartbeat::kernels
