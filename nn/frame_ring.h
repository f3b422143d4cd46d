// Device memory for what optimizer steps measure. A step writes its frame at one place, always the same, so that it can
// be recorded once and replayed; behind it the frame moves to one of two slots, from where it travels to the host while
// the next step runs. Only in builds with a GPU.
#pragma once

#include <array>

#include "autograd/storage.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/common/fetch.h"
#include "kernels/common/optimizer_step.h"
#include "nn/measured.h"

namespace heartbeat::nn {

class FrameRing {
 public:
  explicit FrameRing(long tensors)
      : tensors_(tensors), frame_(Device::cuda, bytes_of(tensors)), slots_{Slot(tensors), Slot(tensors)} {}

  // What a step wants to bring. The norm always comes along.
  struct Quantities {
    bool gradient = false, all = false, clipped = false;
  };
  // Pointers into the frame; empty spans for what is not wanted.
  struct Place {
    kernels::NormClip* clip;
    Watch watch;
  };
  Place place(const Quantities& wanted) const;
  void clear() { frame_.clear(); }
  // What the step has written comes to the host; finish(frame) is called when it is there, after global_norm and
  // clip_factor have been set if has_norm.
  Measured send(const Quantities& wanted, WatchFrame frame, bool has_norm, std::function<void(WatchFrame&)> finish);

 private:
  enum { kGradient, kParameter, kUpdate, kClipped, kQuantities };
  static constexpr std::size_t kHead = 64;  // bytes before the statistics

  struct Slot {
    explicit Slot(long tensors) : device(Device::cuda, bytes_of(tensors)), fetch(device.bytes()) {}
    Storage device;
    cuda::Fetch fetch;
    std::shared_ptr<Measured::State> waiting;  // for what the fetch brings
  };
  static std::size_t bytes_of(long tensors) { return kHead + kQuantities * tensors * sizeof(TensorStats); }
  std::size_t offset(int quantity) const { return kHead + quantity * tensors_ * sizeof(TensorStats); }

  long tensors_;
  Storage frame_;
  std::array<Slot, 2> slots_;
  int current_ = 0;
};

}  // namespace heartbeat::nn
