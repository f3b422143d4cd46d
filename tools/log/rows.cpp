#include "tools/log/rows.h"

namespace heartbeat {

const char* name_of(Quantity quantity) {
  constexpr const char* kNames[kQuantities] = {"parameters",        "gradients",   "updates",
                                               "gradients_clipped", "activations", "activation_gradients"};
  return kNames[int(quantity)];
}

}  // namespace heartbeat
