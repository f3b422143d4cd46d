// Exponential moving average of parameters: smoother weights for evaluation than the last step's.
#pragma once

#include <memory>

#include "nn/module.h"

namespace heartbeat::nn {

class Ema {
 public:
  // Starts at the parameters' values. decay: 0.999 averages over about a thousand updates.
  Ema(Parameters parameters, double decay);

  // average += (1 - d) (value - average), d = min(decay, (1 + t) / (10 + t)) for update t = 0, 1, ...: an average that
  // is young forgets its start.
  void update() {
    begin_update();
    queue_update();
  }
  // Its two parts, so that the second can be part of a recorded step: counts, and brings the share 1 - d to its place
  // in device memory; queues the work.
  void begin_update();
  void queue_update();
  // Exchanges parameters and averages. Twice is nothing, to the bit.
  void swap();

  // Averages and the count, "ema.<parameter>" and "ema.updates"; the tensors share storage with this object.
  Parameters state() const;
  // Throws UserError where the state does not fit, and then has changed nothing.
  void load_state(const Parameters& state);
  long updates() const { return updates_; }

  // While it lives, the parameters hold the averages.
  class Swapped {
   public:
    explicit Swapped(Ema& ema) : ema_(ema) { ema_.swap(); }
    ~Swapped() { ema_.swap(); }
    Swapped(const Swapped&) = delete;
    Swapped& operator=(const Swapped&) = delete;

   private:
    Ema& ema_;
  };

 private:
  Parameters parameters_, averages_;  // tied parameters appear once
  double decay_, share_ = 0;          // 1 - d of the update
  long updates_ = 0;
  std::shared_ptr<Storage> device_share_;  // on a GPU
};

}  // namespace heartbeat::nn
