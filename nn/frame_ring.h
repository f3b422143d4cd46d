// Device memory for what two optimizer steps measure: while one lies in its slot on the way to the host, the next step
// fills the other. Only in builds with a GPU.
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
  explicit FrameRing(long tensors) : tensors_(tensors), slots_{Slot(tensors), Slot(tensors)} {}

  // What a step wants to bring. The norm always comes along.
  struct Quantities {
    bool gradient = false, all = false, clipped = false;
  };
  // Pointers into the device memory of the next slot, zeros; empty spans for what is not wanted.
  struct Place {
    kernels::NormClip* clip;
    Watch watch;
  };
  Place next(const Quantities& wanted);
  // What the step has written into the place of next() comes to the host; finish(frame) is called when it is there,
  // after global_norm and clip_factor have been set if has_norm.
  Measured send(WatchFrame frame, bool has_norm, std::function<void(WatchFrame&)> finish);

 private:
  enum { kGradient, kParameter, kUpdate, kClipped, kQuantities };
  static constexpr std::size_t kHead = 64;  // bytes before the statistics

  struct Slot {
    explicit Slot(long tensors)
        : device(Device::cuda, kHead + kQuantities * tensors * sizeof(TensorStats)), fetch(device.bytes()) {}
    Storage device;
    cuda::Fetch fetch;
    std::shared_ptr<Measured::State> waiting;  // for what the fetch brings
  };
  std::size_t offset(int quantity) const { return kHead + quantity * tensors_ * sizeof(TensorStats); }

  long tensors_;
  std::array<Slot, 2> slots_;
  int current_ = 0;
  Quantities wanted_;
};

}  // namespace heartbeat::nn
