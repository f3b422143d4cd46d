#if HEARTBEAT_CUDA
#include "nn/frame_ring.h"

#include <cstring>

namespace heartbeat::nn {

FrameRing::Place FrameRing::place(const Quantities& wanted) const {
  std::byte* const at = frame_.data();
  const auto stats = [&](bool taken, int quantity) {
    return std::span(reinterpret_cast<TensorStats*>(at + offset(quantity)), taken ? tensors_ : 0);
  };
  return {reinterpret_cast<kernels::NormClip*>(at),
          {.parameter = stats(wanted.all, kParameter),
           .gradient = stats(wanted.gradient, kGradient),
           .update = stats(wanted.all, kUpdate),
           .clipped = stats(wanted.clipped, kClipped)}};
}

Measured FrameRing::send(const Quantities& wanted, WatchFrame frame, bool has_norm,
                         std::function<void(WatchFrame&)> finish) {
  current_ ^= 1;
  Slot& slot = slots_[current_];
  if (slot.waiting) slot.waiting->complete();  // nobody has asked for the step before the last one
  slot.fetch.allow_reuse();
  const int quantities = wanted.clipped ? 4 : wanted.all ? 3 : wanted.gradient ? 1 : 0;
  cuda::copy(cuda::compute_stream(), slot.device.data(), frame_.data(), offset(quantities));
  slot.fetch.start(slot.device.data(), offset(quantities));
  Measured measured(std::move(frame));
  slot.waiting = measured.state_;
  measured.state_->fill = [this, &slot, wanted, has_norm, finish](WatchFrame& f) {
    const auto* host = static_cast<const std::byte*>(slot.fetch.get());
    const auto take = [&](bool taken, int quantity, std::vector<TensorStats>& to) {
      to.resize(taken ? tensors_ : 0);
      if (!to.empty()) std::memcpy(to.data(), host + offset(quantity), to.size() * sizeof(TensorStats));
    };
    take(wanted.gradient, kGradient, f.gradient);
    take(wanted.all, kParameter, f.parameter);
    take(wanted.all, kUpdate, f.update);
    take(wanted.clipped, kClipped, f.clipped);
    if (has_norm) {
      kernels::NormClip clip;
      std::memcpy(&clip, host, sizeof clip);
      f.global_norm = clip.norm;
      f.clip_factor = clip.factor;
    }
    finish(f);
  };
  return measured;
}

}  // namespace heartbeat::nn
#endif
