#include "tools/contacts/breakages.h"

namespace heartbeat {

std::span<const Breakage> contact_breakages() {
  static const std::vector<Breakage> table = {
      {.name = "mean",
       .broken = "the last layer is zero and stays so, and every pair is given the same odds.",
       .look = "gradients of exactly 0 in every tensor below head.out, and an AUPRC of the density.",
       .settings = {{"--max-steps", "200"}, {"--prior", "off"}},
       .initial = {{"head.out.weight", 0}},
       .gradients = {{"head.out.weight", 0}}},
      {.name = "overflow",
       .broken = "the weight decay overshoots: every step turns the weights round and makes them larger.",
       .look = "parameters that fan out like a wedge, and then the red rail: NaN everywhere within a few steps.",
       .settings = {{"--max-steps", "120"}, {"--weight-decay", "1100"}, {"--clip", "0"}},
       .rate_doubles = 100},
      {.name = "lr",
       .broken = "the learning rate is 500 times the default.",
       .look = "update ratios above 0.1 in every row, and a loss that leaps and comes back to where it began.",
       .settings = {{"--max-steps", "200"}, {"--lr", "1"}, {"--warmup", "0"}}},
      {.name = "frozen-embedding",
       .broken = "no gradient reaches the embedding: what follows learns to live with its random rows.",
       .look = "gradients and updates of embedding.weight that are exactly 0, beside neighbours that live.",
       .settings = {{"--max-steps", "200"}, {"--encoder", "ggn"}},
       .gradients = {{"embedding.weight", 0}}},
      {.name = "noise",
       .broken = "a module that is fed with noise is added to the states of the residues, as in the article.",
       .look = "gradients and updates of rand_fc, and a loss that is no worse without it.",
       .settings = {{"--max-steps", "200"}, {"--noise-module", "on"}, {"--ablate", "rand_fc"}}},
      {.name = "variance-up",
       .broken = "a loss scale doubles every 40 steps and is never divided out of the gradients.",
       .look = "gradients that spread more and more in every tensor, long before the loss says anything.",
       .settings = {{"--max-steps", "240"}},
       .gradients = {{"*", 1, 40}}},
      {.name = "stuck",
       .broken = "the weights decay thousands of times faster than they learn, and the network falls silent.",
       .look = "gradients and parameters that shrink by orders of magnitude while the loss stays that of the prior.",
       .settings = {{"--max-steps", "200"}, {"--weight-decay", "300"}, {"--lr", "0.0002"}, {"--warmup", "0"}}},
      {.name = "scale-gap",
       .broken = "what reaches the embedding is a 200th of its gradient.",
       .look = "a median gradient of embedding.weight hundreds of times below that of ggn.gru.bias_hh.",
       .settings = {{"--max-steps", "200"}, {"--encoder", "ggn"}},
       .gradients = {{"embedding.weight", 0.005}}},
  };
  return table;
}

}  // namespace heartbeat
