// Optimizers, averages and checkpoints of a model in the memory of a GPU: what they do and what they measure is what
// the CPU does and measures.
#include "nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/checkpoint.h"
#include "nn/ema.h"
#include "nn/init.h"
#include "tests/support/gradcheck.h"
#include "tests/support/scratch.h"

namespace heartbeat::testing {
namespace {

using nn::OptimizerOptions;
using nn::Parameters;
using nn::WatchFrame;

struct Model {
  explicit Model(Device device) {
    nn::Init init{.seed = 3, .device = device};
    parameters = {{"embedding.weight", init.normal({7, 3}, 1)},
                  {"head.weight", init.uniform({150, 130}, 0.5)},  // of several chunks
                  {"head.bias", init.zeros({150})},
                  {"frozen.weight", init.ones({4, 4})},
                  {"unused.weight", init.ones({2, 2})}};
    parameters[3].tensor.set_needs_grad(false);
  }
  void set_gradients(unsigned seed) const {
    for (size_t k = 0; k < 3; ++k) {
      const Tensor g = scale_of(random_normal(parameters[k].tensor.shape(), Dtype::f32, seed + unsigned(k)));
      parameters[k].tensor.gradient().assign(g);
    }
  }
  static Tensor scale_of(const Tensor& g) {
    for (long k = 0; k < g.numel(); ++k) g.data<float>()[k] *= k % 5 == 1 ? 0.f : 0.01f;
    return g;
  }
  Parameters parameters;
};

std::vector<std::vector<double>> values(const Parameters& parameters) {
  std::vector<std::vector<double>> all;
  for (const auto& [name, t] : parameters) all.push_back(t.to_vector());
  return all;
}

// Bins and extremes to the bit; sums of thousands of terms in another order.
void expect_equal(const std::vector<TensorStats>& got, const std::vector<TensorStats>& want, const char* what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t t = 0; t < got.size(); ++t) {
    SCOPED_TRACE(::testing::Message() << what << " of tensor " << t);
    EXPECT_EQ(got[t].bins, want[t].bins);
    EXPECT_EQ(got[t].min, want[t].min);
    EXPECT_EQ(got[t].max, want[t].max);
    EXPECT_NEAR(got[t].sum, want[t].sum, 1e-12 * (1 + want[t].abs_sum));
    EXPECT_NEAR(got[t].abs_sum, want[t].abs_sum, 1e-12 * want[t].abs_sum);
    EXPECT_NEAR(got[t].sum_of_squares, want[t].sum_of_squares, 1e-12 * want[t].sum_of_squares);
  }
}

void expect_equal(const WatchFrame& got, const WatchFrame& want) {
  EXPECT_EQ(got.step, want.step);
  EXPECT_EQ(got.lr, want.lr);
  EXPECT_EQ(got.skipped, want.skipped);
  EXPECT_EQ(std::isnan(got.global_norm), std::isnan(want.global_norm));
  if (!std::isnan(want.global_norm)) {
    EXPECT_NEAR(got.global_norm, want.global_norm, 1e-12 * want.global_norm);
  }
  EXPECT_NEAR(got.clip_factor, want.clip_factor, 1e-12);
  expect_equal(got.gradient, want.gradient, "gradient");
  expect_equal(got.parameter, want.parameter, "parameter");
  expect_equal(got.update, want.update, "update");
  expect_equal(got.clipped, want.clipped, "clipped");
}

std::unique_ptr<nn::Optimizer> make(bool adam, const Parameters& parameters, const OptimizerOptions& options) {
  if (adam) return std::make_unique<nn::AdamW>(parameters, options);
  return std::make_unique<nn::Sgd>(parameters, options, nn::SgdOptions{.momentum = 0.9, .nesterov = true});
}

struct Recipe {
  const char* name;
  OptimizerOptions options;
  nn::WatchOptions watch;
};

TEST(OptimizerOnGpu, StepsAndFramesAreTheCpus) {
  const Recipe recipes[] = {
      {"plain", {.weight_decay = 0.1}, {}},
      {"clipped", {.max_norm = 0.3}, {}},
      {"hardly clipped", {.max_norm = 1e6, .zero_gradients = true}, {}},
      {"skipping", {.max_norm = 0.3, .skip_non_finite = true}, {}},
      {"gradients of some, every other step", {}, {nn::WatchLevel::gradients, "head.*", 2}},
      {"unwatched", {.max_norm = 0.3}, {nn::WatchLevel::none}},
  };
  for (bool adam : {true, false})
    for (const Recipe& recipe : recipes) {
      SCOPED_TRACE(::testing::Message() << (adam ? "adamw, " : "sgd, ") << recipe.name);
      const Model cpu(Device::cpu), gpu(Device::cuda);
      EXPECT_EQ(values(gpu.parameters), values(cpu.parameters));  // both drawn by the same seed
      const auto want = make(adam, cpu.parameters, recipe.options), got = make(adam, gpu.parameters, recipe.options);
      want->watch(recipe.watch);
      got->watch(recipe.watch);
      // On the GPU frames are read behind the next step, as a trainer does.
      std::vector<nn::Measured> queued;
      std::vector<WatchFrame> frames;
      for (unsigned step = 0; step < 5; ++step) {
        for (const Model* m : {&cpu, &gpu}) m->set_gradients(10 * step);
        if (step == 3)
          for (const Model* m : {&cpu, &gpu}) m->parameters[2].tensor.gradient().assign(Tensor::full({150}, NAN));
        frames.emplace_back();
        want->step(0.01, &frames.back());
        queued.push_back(got->queue_step(0.01, true));
        if (step > 0 && step != 4) expect_equal(queued[step - 1].take(), frames[step - 1]);
      }
      expect_equal(queued[3].take(), frames[3]);
      expect_equal(queued[4].take(), frames[4]);
      if (recipe.options.skip_non_finite) {  // else NaN is everywhere
        EXPECT_EQ(values(gpu.parameters), values(cpu.parameters));
        EXPECT_EQ(values(got->state()), values(want->state()));
      }
      EXPECT_EQ(got->steps(), 5);
    }
}

// A frame that nobody has asked for is kept when its slot is needed again.
TEST(OptimizerOnGpu, FramesMayBeReadLate) {
  const Model cpu(Device::cpu), gpu(Device::cuda);
  nn::AdamW want(cpu.parameters), got(gpu.parameters);
  std::vector<nn::Measured> queued;
  std::vector<WatchFrame> frames(6);
  for (unsigned step = 0; step < 6; ++step) {
    for (const Model* m : {&cpu, &gpu}) m->set_gradients(10 * step);
    want.step(0.01, &frames[step]);
    queued.push_back(got.queue_step(0.01, true));
  }
  for (unsigned step = 0; step < 6; ++step) expect_equal(queued[step].take(), frames[step]);
  EXPECT_EQ(values(gpu.parameters), values(cpu.parameters));
}

TEST(OptimizerOnGpu, TwoDevicesAreRefused) {
  EXPECT_THROW(nn::AdamW({{"a", Tensor::zeros({2})}, {"b", Tensor::zeros({2}, Dtype::f32, Device::cuda)}}),
               std::invalid_argument);
}

TEST(OptimizerOnGpu, ContinuesFromACheckpointOfEitherDevice) {
  const Scratch folder;
  const auto run = [&](Device first, Device second) {
    const Model before(first), after(second);
    nn::AdamW one(before.parameters), two(after.parameters);
    nn::Ema average(before.parameters, 0.9), continued(after.parameters, 0.9);
    for (unsigned step = 0; step < 2; ++step) {
      before.set_gradients(10 * step);
      one.step(0.01);
      average.update();
    }
    Parameters all = before.parameters;
    for (const auto& group : {one.state(), average.state()}) all.insert(all.end(), group.begin(), group.end());
    nn::save_checkpoint(folder.file("x.safetensors"), all);
    const nn::Checkpoint file = nn::read_checkpoint(folder.file("x.safetensors"));
    nn::load_into(after.parameters, file);
    two.load_state(file.tensors);
    continued.load_state(file.tensors);
    after.set_gradients(20);
    two.step(0.01);
    continued.update();
    { const nn::Ema::Swapped swapped(continued); }
    all = after.parameters;
    for (const auto& group : {two.state(), continued.state()}) all.insert(all.end(), group.begin(), group.end());
    return values(all);
  };
  const auto want = run(Device::cpu, Device::cpu);
  // The averages fuse a product and a sum on one device only.
  const auto expect_close = [&](const std::vector<std::vector<double>>& got) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t t = 0; t < got.size(); ++t)
      for (size_t k = 0; k < got[t].size(); ++k) ASSERT_NEAR(got[t][k], want[t][k], 1e-6 * (1 + std::abs(want[t][k])));
  };
  expect_close(run(Device::cuda, Device::cuda));
  expect_close(run(Device::cpu, Device::cuda));
  expect_close(run(Device::cuda, Device::cpu));
  EXPECT_EQ(run(Device::cuda, Device::cuda), run(Device::cuda, Device::cuda));
}

}  // namespace
}  // namespace heartbeat::testing
