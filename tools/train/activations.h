// What leaves each layer, as the scalars that the doctor reads: activations/std/<layer>, dead/<layer>,
// saturated/<layer>, cosine/<layer> and not_finite/<layer>.
#pragma once

#include <map>
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
  void squashed(const std::string& layer, const Tensor& y, nn::Squash by) override;
  void nodes(const std::string& layer, const Tensor& x, const Layout& layout) override;
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
  // A layer that is met again is "name.2", "name.3".
  void note(const char* kind, const std::string& layer, double value);

  std::vector<Layer> layers_;
  std::map<std::pair<std::string, std::string>, int> met_;  // kind and layer
  std::vector<std::pair<std::string, double>> scalars_;
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
