#include "kernels/histogram/watched_update.cuh"
#include "kernels/sgd/sgd.h"

namespace heartbeat::kernels {
namespace {

template <class T>
struct SgdWork {
  T *value, *gradient, *buffer;
  T lr, momentum, decay;
  bool nesterov, watched;
  const double* device_lr;

  __device__ void begin() {
    if (device_lr) lr = T(*device_lr);
  }
  __device__ T step(long i, T v, T gradient) const {
    const T g = decay != 0 ? gradient + decay * v : gradient;  // 0 times an infinite value would be NaN
    if (momentum == 0) return v - lr * g;
    const T b = momentum * buffer[i] + g;
    buffer[i] = b;
    return v - lr * (nesterov ? g + momentum * b : b);
  }
};

}  // namespace

template <class T>
void sgd(Cuda cuda, const ChunkTable& table, std::span<const SgdTensor<T>> tensors, const SgdRule& rule,
         const StepOptions& options, const Watch& watch) {
  std::vector<SgdWork<T>> work;
  for (const SgdTensor<T>& t : tensors)
    work.push_back({t.value, t.gradient, t.momentum, T(rule.lr), T(rule.momentum), T(t.weight_decay), rule.nesterov,
                    t.watched, rule.device_lr});
  watched_update<T>(cuda, table, work, options, watch);
}

template void sgd(Cuda, const ChunkTable&, std::span<const SgdTensor<float>>, const SgdRule&, const StepOptions&,
                  const Watch&);
template void sgd(Cuda, const ChunkTable&, std::span<const SgdTensor<double>>, const SgdRule&, const StepOptions&,
                  const Watch&);

}  // namespace heartbeat::kernels
