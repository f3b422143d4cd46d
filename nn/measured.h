// What an optimizer step measured, which on a GPU comes to the host behind the step, while the next one is queued.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "nn/watch.h"

namespace heartbeat::nn {

class Measured {
 public:
  explicit Measured(WatchFrame frame) : state_(std::make_shared<State>(State{std::move(frame), {}})) {}

  // Waits for the step where it has to. Once.
  WatchFrame take() const {
    state_->complete();
    return std::move(state_->frame);
  }

 private:
  friend class FrameRing;
  struct State {
    WatchFrame frame;
    std::function<void(WatchFrame&)> fill;  // from pinned memory; empty once the frame is whole

    void complete() {
      if (const auto f = std::exchange(fill, nullptr)) f(frame);
    }
  };
  std::shared_ptr<State> state_;
};

}  // namespace heartbeat::nn
