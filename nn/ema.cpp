#include "nn/ema.h"

#include <algorithm>
#include <set>
#include <type_traits>

#include "kernels/elementwise/elementwise.h"
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
  if (!parameters_.empty() && parameters_[0].tensor.device() == Device::cuda)
    device_share_ = std::make_shared<Storage>(Device::cuda, sizeof share_);
}

void Ema::begin_update() {
  const double t = double(updates_++);
  share_ = 1 - std::min(decay_, (1 + t) / (10 + t));
  if (device_share_) device_share_->write(&share_);
}

void Ema::queue_update() {
  for (size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor &value = parameters_[k].tensor, &average = averages_[k].tensor;
    dispatch_wide("ema", value.device(), value.dtype(), [&]<class T>(auto device, Type<T>) {
      if constexpr (std::is_same_v<decltype(device), Cuda>)
        kernels::approach<T>(device, reinterpret_cast<const double*>(device_share_->data()), value.value<T>(),
                             average.value<T>());
      else
        kernels::approach<T>(device, share_, value.value<T>(), average.value<T>());
    });
  }
}

void Ema::swap() {
  for (size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor &value = parameters_[k].tensor, &average = averages_[k].tensor, kept = value.copy();
    value.assign(average);
    average.assign(kept);
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
