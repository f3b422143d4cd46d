// --probe: extra passes over the batch of a step, which say what its own pass cannot. They change nothing that is
// trained: a probed run has the weights of one that is not, to the bit.
#pragma once

#include <functional>
#include <vector>

#include "nn/module.h"
#include "tools/log/run_log.h"

namespace heartbeat {

// What a trainer lends: passes over the batch, each with the same noise and the same dropout as its step.
struct ProbedBatch {
  nn::Parameters parameters = {};
  std::function<Tensor()> loss = {};
  std::function<Tensor()> blank_loss = {};                // with inputs that say nothing
  std::vector<std::function<Tensor()>> half_losses = {};  // two, or none where there is one example only
  std::function<Tensor(bool)> others =
      {};  // logits of all examples but the last, which is blank if asked; may be empty
};

// The scalars of a probed step, and the rules that read them:
//   probe/loss_ratio       loss of the batch over the mean of its halves' (R25)
//   probe/blank_gain       loss with blank inputs over the loss, less 1 (R34)
//   probe/leak             largest change of other examples' logits, in units of their largest (R37)
//   probe/signal, /noise   of the gradient: product of the halves' gradients, and square of half their difference (R39)
//   probe/alpha            where the step ended on the parabola through slope and both losses along it: -1 has not
//                          moved, 0 is the minimum, 1 is as high as it began on the other side (R40)
class Probe {
 public:
  explicit Probe(ProbedBatch batch) : batch_(std::move(batch)) {}

  // Before the step's own pass. Leaves no gradients.
  void before(RunLog& log, long step);
  // Once the step's gradients are there, and nothing has been done to them.
  void keep(double loss);
  // When the parameters have moved.
  void after(RunLog& log, long step);

 private:
  ProbedBatch batch_;
  double loss_ = 0;
  std::vector<Tensor> values_, gradients_;  // on the CPU; undefined where there is no gradient
};

}  // namespace heartbeat
