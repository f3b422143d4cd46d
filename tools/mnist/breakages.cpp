#include "tools/mnist/breakages.h"

namespace heartbeat {

std::span<const Breakage> digit_breakages() {
  static const std::vector<Breakage> table = {
      {.name = "mean",
       .broken = "the last layer's weights are zero and stay so, and every digit is given the same odds.",
       .look = "gradients of exactly 0 below fc2, and an accuracy of a tenth.",
       .settings = {{"--epochs", "1"}},
       .initial = {{"fc2.weight", 0}},
       .gradients = {{"fc2.weight", 0}}},
      {.name = "overflow",
       .broken = "the weight decay overshoots: every step turns the weights round and makes them larger.",
       .look = "parameters that fan out like a wedge, and then the red rail: NaN everywhere within a few steps.",
       .settings = {{"--epochs", "1"}, {"--weight-decay", "185"}},
       .rate_doubles = 100},
      {.name = "lr",
       .broken = "the learning rate is a ten-thousandth of the reference.",
       .look = "update ratios below 1e-5 in every row, and a loss that stays at log 10.",
       .settings = {{"--epochs", "1"}, {"--lr", "0.000001"}}},
      {.name = "frozen-embedding", .unfit = "digits need no embedding, and train_contacts has one to freeze"},
      {.name = "noise",
       .broken = "a module that is fed with noise hangs on the network, as in the article.",
       .look = "gradients of rand_fc that are smaller than the other layers' and shrink: nothing can be learned there.",
       .settings = {{"--epochs", "3"}, {"--noise-module", "on"}, {"--ablate", "rand_fc"}}},
      {.name = "variance-up",
       .broken = "a loss scale doubles every 40 steps and is never divided out of the gradients.",
       .look = "gradients that spread more and more in every tensor, long before the loss says anything.",
       .settings = {{"--epochs", "2"}},
       .gradients = {{"*", 1, 40}}},
      {.name = "stuck",
       .broken = "the weights decay faster than they learn.",
       .look = "gradients and parameters that shrink by orders of magnitude while the loss stays at log 10.",
       .settings = {{"--epochs", "1"}, {"--weight-decay", "10"}}},
      {.name = "scale-gap",
       .broken = "what reaches the first convolution is a 2000th of its gradient.",
       .look = "a median gradient of conv1.weight hundreds of times below that of fc2.weight: its filters stay random.",
       .settings = {{"--epochs", "1"}},
       .gradients = {{"conv1.*", 0.0005}}},
  };
  return table;
}

}  // namespace heartbeat
