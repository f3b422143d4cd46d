// From the name of a random mask to what a kernel draws it from.
#pragma once

#include <type_traits>

#include "autograd/ops.h"
#include "kernels/common/philox.h"

namespace heartbeat {

// f(stream): a RandomStream, or for a recorded step on a GPU the name of one.
template <class DeviceTag, class F>
void with_stream(DeviceTag, const RandomKey& key, F f) {
  if constexpr (std::is_same_v<DeviceTag, Cuda>)
    if (key.device_step) return f(StreamOnDevice{.seed = key.seed, .layer = key.layer, .step = key.device_step});
  f(random_stream(key.seed, key.step, key.layer, 0));
}

// The same for protein m of a layout.
template <class DeviceTag, class F>
void with_stream(DeviceTag device, const RandomKey& key, const PairLayout& layout, long m, F f) {
  if constexpr (std::is_same_v<DeviceTag, Cuda>)
    if (key.device_step)
      return f(StreamOnDevice{
          .seed = key.seed, .layer = key.layer, .step = key.device_step, .member = layout.keys(device) + m});
  f(random_stream(key.seed, key.step, key.layer, layout.member(m).key));
}

}  // namespace heartbeat
