// What leaves each layer, as the scalars that the doctor reads: activations/std/<layer>, activations/dead/<layer> and
// activations/not_finite/<layer>.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/tape.h"
#include "nn/activations.h"
#include "tools/log/run_log.h"

namespace heartbeat {

// Listens while it lives. Tensors that are not on the CPU are passed over.
class ActivationRecord : public nn::ActivationListener {
 public:
  ActivationRecord() : before_(std::exchange(nn::activation_listener, this)) {}
  ~ActivationRecord() override { nn::activation_listener = before_; }
  ActivationRecord(const ActivationRecord&) = delete;

  void left(const std::string& layer, const Tensor& x) override;
  // Scale and dead units of every layer; of layers that are not finite the first of the forward pass only.
  void log(RunLog& log, long step) const;
  void log_first_not_finite(RunLog& log, long step) const;

 private:
  struct Layer {
    std::string name;
    long not_finite = 0;
    double deviation = 0;  // of the finite values
    double dead = -1;      // share of units that are 0 for every example; -1 where some value is negative
  };
  std::vector<Layer> layers_;
  nn::ActivationListener* before_;
};

// forward(), and at every so many steps the scale of what leaves its layers goes to the log. 0: never.
template <class Forward>
Tensor recorded(RunLog& log, long step, long every, Forward forward) {
  if (!every || step % every) return forward();
  const ActivationRecord seen;
  Tensor out = forward();
  seen.log(log, step);
  return out;
}

// Once more forward(), to log which of its layers was the first that gave no number.
template <class Forward>
void log_first_not_finite(RunLog& log, long step, Forward forward) {
  const NoGrad no_grad;
  const ActivationRecord seen;
  forward();
  seen.log_first_not_finite(log, step);
}

}  // namespace heartbeat
