// The whole chain from tokens to an updated weight: a model that cannot learn one batch by heart is broken somewhere.
#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "graph/batch.h"
#include "nn/optimizer.h"
#include "nn/tri_gcn.h"
#include "tests/support/proteins.h"

namespace heartbeat {
namespace {

using testing::random_protein;

// Random contacts: nothing to understand, so what is learned is learned by heart.
TEST(Learning, OneBatchIsLearnedByHeart) {
  const Protein a = random_protein("a", {20}), b = random_protein("b", {15});
  const std::vector<const Protein*> proteins = {&a, &b};
  const Batch batch = whole_batch(proteins, class_statistics(proteins));
  for (const char* encoder : {"relation", "gcn", "ggn"}) {
    nn::TriGcnOptions options;
    options.encoder = {nn::encoder_kind(encoder), 32, 3, 2};
    options.channels = 24;
    options.blocks = 4;
    options.triangle_every = 2;
    options.hidden = 8;
    options.dropout = 0;
    nn::Init init{.seed = 5};
    const nn::TriGcn model(options, init);
    nn::AdamW optimizer(model.parameters(), {.max_norm = 1});
    double first = 0, last = 0;
    for (int step = 1; step <= 150; ++step) {
      optimizer.zero_grad();
      const Tensor loss = contact_loss(batch.layout, model(batch.layout, batch.tokens), batch.targets);
      backward(loss);
      optimizer.step(3e-3);
      last = loss.item();
      if (step == 1) first = last;
    }
    EXPECT_LT(last, first / 5) << encoder << ": from " << first << " to " << last;
  }
}

}  // namespace
}  // namespace heartbeat
