#include "nn/ema.h"

#include <algorithm>
#include <set>

#include "nn/checkpoint.h"

namespace heartbeat::nn {

Ema::Ema(Parameters parameters, double decay) : decay_(decay) {
  expect("ema", decay >= 0 && decay < 1, "decay ", decay, " is not in [0, 1)");
  std::set<const void*> seen;
  for (NamedTensor& p : parameters)
    if (seen.insert(p.tensor.id()).second) {
      averages_.push_back({"ema." + p.name, p.tensor.copy()});
      parameters_.push_back(std::move(p));
    }
}

void Ema::update() {
  const double t = double(updates_++), decay = std::min(decay_, (1 + t) / (10 + t));
  for (size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor &value = parameters_[k].tensor, &average = averages_[k].tensor;
    dispatch(value.device(), value.dtype(), [&]<class T>(auto, Type<T>) {
      const T share = T(1 - decay), *from = value.data<T>();
      T* to = average.data<T>();
#pragma omp simd
      for (long i = 0; i < value.numel(); ++i) to[i] += share * (from[i] - to[i]);
    });
  }
}

void Ema::swap() {
  for (size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor &value = parameters_[k].tensor, &average = averages_[k].tensor;
    dispatch(value.device(), value.dtype(), [&]<class T>(auto, Type<T>) {
      std::swap_ranges(value.data<T>(), value.data<T>() + value.numel(), average.data<T>());
    });
  }
}

Parameters Ema::state() const {
  Parameters out = averages_;
  out.push_back({"ema.updates", Tensor::full({}, double(updates_), Dtype::f64)});
  return out;
}

void Ema::load_state(const Parameters& state) {
  Parameters mine = this->state();
  load_into(mine, {"the checkpoint", state, {}});
  updates_ = long(mine.back().tensor.item());
}

}  // namespace heartbeat::nn
