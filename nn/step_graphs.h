// Training steps that are recorded once and replayed: a step of a small network is some hundred kernels of a few
// microseconds, and launching them one by one can take longer than running them. On a GPU, where all sizes repeat.
//
//   Tensor step() {
//     images.assign(batch.images);  // what changes goes to where the recorded step reads it
//     const auto [loss, measured] = graphs.step("64 digits", lr, watched, [&] {
//       optimizer.zero_grad();
//       const Tensor loss = cross_entropy(model(images), labels);
//       backward(loss);
//       return loss;
//     });
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "nn/optimizer.h"

namespace heartbeat::nn {

class StepGraphs {
 public:
  // Called with a sentence when the first step has been recorded, and when it turns out that none can be.
  using Tell = std::function<void(bool recorded, const std::string& sentence)>;
  static constexpr size_t kGraphs = 4;   // kept at a time: each holds the memory of its step
  static constexpr size_t kShapes = 64;  // remembered at a time

  // reason: why no step is to be recorded, one sentence without a full stop; empty: those that repeat are. The
  // optimizer must outlive the graphs.
  StepGraphs(Optimizer& optimizer, std::string reason, Tell tell = {});
  ~StepGraphs();

  struct Queued {
    Tensor loss;  // of a replayed step: overwritten by the next
    Measured measured;
  };
  // One step of an optimizer over the gradients that work() leaves, which drops older ones first. shape names
  // everything but the contents of device memory that work() depends on. The first step of a shape is launched kernel
  // by kernel, the second recorded and replayed, later ones replayed: then work() is not called, and the gradients of
  // the parameters are not for reading. Bits are the same either way.
  // after(), where it is given, queues what follows the update: a moving average. An empty shape is never recorded.
  Queued step(const std::string& shape, double lr, bool watched, const std::function<Tensor()>& work,
              const std::function<void()>& after = {});
  // Whether step() of this shape would not launch but record, unless it finds that it cannot, or replay.
  bool repeats(const std::string& shape, bool watched);
  // Whether a step of this shape is remembered, watched or not: else nothing reads its inputs any more.
  bool remembers(const std::string& shape) const;

  bool records() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }
  size_t graphs() const;
  long replays() const { return replays_; }
  // Where the next step of this shape would be recorded and there is no room: drops the graph that has not been used
  // for longest, and waits for it. Without this call, between two steps, the step is launched kernel by kernel.
  void make_room_for(const std::string& shape, bool watched);

 private:
  struct Entry;
  std::list<Entry>::iterator find(const std::string& shape, const Optimizer::Plan& plan);
  using Work = std::function<Tensor()>;
  using After = std::function<void()>;
  Queued launch(double lr, bool watched, const Work& work, const After& after);
  bool record(Entry& entry, bool watched, const Work& work, const After& after);

  Optimizer& optimizer_;
  std::string reason_;
  Tell tell_;
  std::list<Entry> entries_;  // most recently used first
  long replays_ = 0;
};

}  // namespace heartbeat::nn
