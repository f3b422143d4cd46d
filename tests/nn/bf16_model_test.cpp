// A contact model that stores its states as bf16, beside the same model in f32.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/tape.h"
#include "nn/optimizer.h"
#include "nn/tri_gcn.h"
#include "tests/support/modules.h"
#include "tests/support/pair_layouts.h"
#include "tests/support/parity.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

Ids tokens_for(const Layout& layout) {
  std::mt19937 engine(1);
  std::vector<int> tokens(layout->residues());
  for (int& t : tokens) t = int(engine() % kTokens);
  return std::make_shared<const std::vector<int>>(std::move(tokens));
}

TriGcn make(TriGcnOptions o, bool bf16) {
  o.encoder.bf16 = bf16;
  Init init{.seed = 1};
  TriGcn model(o, init);
  // Away from the zeros that gates and last layers start with: every parameter then has a gradient.
  unsigned seed = 10;
  for (const NamedTensor& p : model.parameters()) {
    const Tensor random = random_normal(p.tensor.shape(), Dtype::f32, seed++);
    for (long k = 0; k < random.numel(); ++k) p.tensor.data<float>()[k] += 0.05f * float(random.at(k));
  }
  return model;
}

TriGcnOptions small(EncoderKind kind) {
  TriGcnOptions o;
  o.encoder = {.kind = kind, .width = 24, .depth = 2};
  o.channels = 16;
  o.blocks = 4;
  o.triangle_every = 2;
  o.hidden = 8;
  o.noise = true;
  return o;
}

const Mode kTraining{.training = true, .step = 1, .seed = 2};

// The logits, and the gradients of all parameters one behind the other.
struct Step {
  std::vector<double> logits, gradients;
};
Step step_of(const TriGcn& model, const Layout& layout) {
  const Tensor logits = model(layout, tokens_for(layout), kTraining);
  EXPECT_EQ(logits.dtype(), Dtype::f32);
  Step step{logits.to_vector(), {}};
  backward(logits, random_normal(logits.shape(), Dtype::f32, 3));
  for (const NamedTensor& p : model.parameters()) {
    EXPECT_EQ(p.tensor.gradient().dtype(), Dtype::f32) << p.name;
    for (double g : p.tensor.gradient().to_vector()) step.gradients.push_back(g);
  }
  return step;
}

// A number that is stored once is off by u = 2^-8 at most. About 60 tensors lie on the longest way of these models from
// the letters to the logits, and as many on the way back. Were the errors of all of them independent, of the largest
// size and carried on without gain or loss, logits would be off by sqrt(60) u of themselves, an energy of 60 u^2, and
// gradients by 120 u^2: 1.8e-3. Norms make more of some errors and less of others.
TEST(Bf16Model, LogitsAndGradientsAreThoseOfF32) {
  const double u = 0x1p-8;
  const Layout layout = layout_of({single_chain(33, 1), complex_of({9, 8}, 2), crop_of({{4, 10}, {40, 47}}, 3)});
  for (EncoderKind kind : {EncoderKind::relation, EncoderKind::ggn, EncoderKind::gcn})
    for (Tie tie : {Tie::none, Tie::transpose}) {
      SCOPED_TRACE(::testing::Message() << "encoder " << int(kind) << ", tie " << int(tie));
      TriGcnOptions o = small(kind);
      o.tie = tie;
      const Step wide = step_of(make(o, false), layout), narrow = step_of(make(o, true), layout);
      const double logits = nmse(narrow.logits.data(), wide.logits.data(), long(wide.logits.size()));
      const double gradients = nmse(narrow.gradients.data(), wide.gradients.data(), long(wide.gradients.size()));
      EXPECT_LT(logits, 60 * u * u);
      EXPECT_LT(gradients, 120 * u * u);
      EXPECT_GT(logits, 1e-7) << "nothing was rounded";
    }
}

TEST(Bf16Model, RecomputingAndRepeatingChangeNotOneBit) {
  const Layout layout = layout_of({single_chain(21, 1), single_chain(9, 2)});
  TriGcnOptions o = small(EncoderKind::relation);
  const Step once = step_of(make(o, true), layout), again = step_of(make(o, true), layout);
  EXPECT_EQ(once.logits, again.logits);
  EXPECT_EQ(once.gradients, again.gradients);
  o.recompute = true;
  const Step recomputed = step_of(make(o, true), layout);
  EXPECT_EQ(once.logits, recomputed.logits);
  EXPECT_EQ(once.gradients, recomputed.gradients);
}

// What a step keeps for backward, and its peak. Beside states of half the size there are the statistics of norms, two
// f32 for each row of C states, the logits and what belongs to parameters.
TEST(Bf16Model, HoldsABitMoreThanHalfTheMemory) {
  const Layout layout = layout_of({single_chain(96, 1)});
  const TriGcnOptions o = tri_gcn_options("T");
  double kept[2], peak[2];
  for (bool narrow : {false, true}) {
    const TriGcn model = make(o, narrow);
    step_of(model, layout);  // parameters have gradients from now on
    const double before = double(memory_report().live);
    reset_peak_memory();
    const Tensor logits = model(layout, tokens_for(layout), kTraining);
    kept[narrow] = double(memory_report().live) - before;
    backward(logits, random_normal(logits.shape(), Dtype::f32, 3));
    peak[narrow] = double(memory_report().peak) - before;
  }
  std::printf("bf16 keeps %.3f of f32's memory for backward, and has %.3f of its peak\n", kept[1] / kept[0],
              peak[1] / peak[0]);
  EXPECT_GT(kept[1], 0.5 * kept[0]);
  EXPECT_LT(kept[1], 0.56 * kept[0]);
  EXPECT_LT(peak[1], 0.56 * peak[0]);
}

TEST(Bf16Model, NotANumberInALetterReachesTheLogits) {
  const Layout layout = layout_of({single_chain(12, 1)});
  const TriGcn model = make(small(EncoderKind::relation), true);
  model.encoder.embedding.W.data<float>()[0] = NAN;
  const Ids zeros = std::make_shared<const std::vector<int>>(std::vector<int>(12, 0));
  for (double z : model(layout, zeros).to_vector()) EXPECT_TRUE(std::isnan(z));
}

void expect_refused(const std::function<void()>& f, const std::string& sentence) {
  try {
    f();
    FAIL() << sentence;
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, sentence.size()), sentence);
  }
}

TEST(Bf16Model, WhatStoresNoBf16SaysSo) {
  const Tensor x = Tensor::zeros({4, 3}, Dtype::bf16), W = Tensor::zeros({2, 3}, Dtype::bf16);
  const std::string why = "bf16 is stored by the ops of the contact model only";
  expect_refused([&] { log_softmax(x); }, "log_softmax: " + why);
  expect_refused([&] { concat(x, x); }, "concat: " + why);
  expect_refused([&] { max_pool(x.reshape({1, 1, 4, 3}), 2, 2); }, "max_pool: " + why);
  expect_refused([&] { normal_noise({2}, {}, Dtype::bf16); }, "normal_noise: " + why);
  expect_refused([&] { matmul_transposed(x, W); },
                 "matmul_transposed: activations are bf16, but a parameter is bf16, not f32");
  expect_refused([&] { add(x, Tensor::zeros({4, 3})); }, "add: A is bf16, but B is f32");
  expect_refused([&] { AdamW({{"x", x}}, {}); }, "optimizer: x is bf16, and parameters are kept in f32");
}

}  // namespace
}  // namespace heartbeat::nn
