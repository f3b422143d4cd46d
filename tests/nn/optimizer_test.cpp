#include "nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "kernels/common/error.h"
#include "tests/support/gradcheck.h"
#include "tests/support/statistics.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using nn::OptimizerOptions;
using nn::Parameters;
using nn::WatchFrame;

struct Model {
  explicit Model(Dtype dtype = Dtype::f32)
      : embedding(random_normal({7, 3}, dtype, 1)),
        weight(random_normal({5, 3}, dtype, 2)),
        bias(random_normal({5}, dtype, 3)) {
    for (Tensor t : {embedding, weight, bias}) t.set_needs_grad(true);
  }
  Parameters parameters() const {
    return {{"encoder.embedding.weight", embedding}, {"head.weight", weight}, {"head.bias", bias}};
  }
  void set_gradients(unsigned seed) const {
    for (const auto& [name, t] : parameters()) {
      Tensor x = t;
      x.clear_grad();
      const std::vector<double> g = random_normal(x.shape(), Dtype::f64, seed++).to_vector();
      dispatch_wide("test", x.device(), x.dtype(),
                    [&]<class T>(auto, Type<T>) { std::copy(g.begin(), g.end(), x.grad<T>().data); });
    }
  }
  Tensor embedding, weight, bias;
};

std::vector<double> values(const Parameters& parameters) {
  std::vector<double> all;
  for (const auto& [name, t] : parameters)
    for (double v : t.to_vector()) all.push_back(v);
  return all;
}

std::unique_ptr<nn::Optimizer> make(bool adam, const Parameters& parameters, const OptimizerOptions& options) {
  if (adam) return std::make_unique<nn::AdamW>(parameters, options);
  return std::make_unique<nn::Sgd>(parameters, options, nn::SgdOptions{.momentum = 0.9, .nesterov = true});
}

TEST(Optimizer, DecaysMatricesOnly) {
  const Model model;
  nn::AdamW optimizer(model.parameters(), {.weight_decay = 0.5});
  const auto before = values(model.parameters());
  for (const auto& [name, t] : model.parameters()) t.grad<float>();  // zeros: decay alone moves a value
  optimizer.step(0.1);
  EXPECT_EQ(optimizer.tensors()[0].group, "no_decay");
  EXPECT_EQ(optimizer.tensors()[1].group, "decay");
  EXPECT_EQ(optimizer.tensors()[2].group, "no_decay");
  const auto after = values(model.parameters());
  for (size_t i = 0; i < after.size(); ++i) {
    const bool decays = i >= 21 && i < 36;
    EXPECT_NEAR(after[i], before[i] * (decays ? 0.95 : 1), 1e-6) << i;
  }
}

TEST(Optimizer, WatchMeasuresWhatWasApplied) {
  const Model model;
  nn::AdamW optimizer(model.parameters(), {.max_norm = 0.5});
  WatchFrame frame;
  model.set_gradients(10);
  const Tensor before = model.weight.copy();
  const auto report = optimizer.step(0.1, &frame);
  double squares = 0;
  for (const auto& [name, t] : model.parameters())
    for (long i = 0; i < t.numel(); ++i) squares += t.grad_at(i) * t.grad_at(i);
  EXPECT_NEAR(frame.global_norm, std::sqrt(squares), 1e-12);
  EXPECT_EQ(frame.clip_factor, 0.5 / frame.global_norm);
  EXPECT_EQ(report.clip_factor, frame.clip_factor);

  std::vector<float> old(15), gradient(15), clipped(15), update(15);
  for (long i = 0; i < 15; ++i) {
    old[i] = before.data<float>()[i];
    gradient[i] = model.weight.grad<float>().data[i];
    clipped[i] = gradient[i] * float(frame.clip_factor);
    update[i] = model.weight.data<float>()[i] - old[i];
  }
  EXPECT_EQ(frame.parameter[1], stats_of(old));
  EXPECT_EQ(frame.gradient[1], stats_of(gradient));
  EXPECT_EQ(frame.clipped[1], stats_of(clipped));
  EXPECT_EQ(frame.update[1], stats_of(update));
}

TEST(Optimizer, ClippedIsRecordedOnlyWhereItDiffers) {
  const Model model;
  nn::Sgd optimizer(model.parameters(), {.max_norm = 1e6});
  WatchFrame frame;
  model.set_gradients(10);
  optimizer.step(0.1, &frame);
  EXPECT_EQ(frame.clip_factor, 1);
  EXPECT_TRUE(frame.clipped.empty());
  EXPECT_EQ(frame.gradient.size(), 3u);
}

TEST(Optimizer, WatchOptionsChooseQuantitiesTensorsAndSteps) {
  const Model model;
  nn::Sgd optimizer(model.parameters());
  optimizer.watch({.level = nn::WatchLevel::gradients, .filter = "head.*,nothing", .every = 2});
  WatchFrame frame;
  for (long step = 0; step < 4; ++step) {
    model.set_gradients(10);
    optimizer.step(0.1, &frame);
    EXPECT_EQ(frame.step, step);
    EXPECT_TRUE(frame.parameter.empty() && frame.update.empty());
    ASSERT_EQ(frame.gradient.size(), step % 2 ? 0u : 3u);
    if (step % 2) continue;
    EXPECT_EQ(frame.gradient[0].count(), 0u);
    EXPECT_EQ(frame.gradient[1].count(), 15u);
  }
  optimizer.watch({.level = nn::WatchLevel::none});
  optimizer.step(0.1, &frame);
  EXPECT_TRUE(frame.gradient.empty());
  EXPECT_THROW(optimizer.watch({.every = 0}), std::invalid_argument);
}

TEST(Optimizer, FrozenAndUnreachedParametersStayAndLateOnesStartAfresh) {
  for (bool adam : {true, false}) {
    const Model model;
    Tensor weight = model.weight;
    weight.set_needs_grad(false);
    const auto optimizer = make(adam, model.parameters(), {.weight_decay = 0.1});
    const std::vector<double> before = weight.to_vector();
    WatchFrame frame;
    for (int step = 0; step < 3; ++step) {
      model.set_gradients(10);
      optimizer->step(0.1, &frame);
    }
    EXPECT_EQ(weight.to_vector(), before);
    EXPECT_FALSE(optimizer->tensors()[1].trainable);
    EXPECT_EQ(frame.gradient[1].count(), 0u);
    EXPECT_EQ(frame.update[1].bins[kZeroBin], 15u);

    weight.set_needs_grad(true);
    optimizer->zero_grad();
    optimizer->step(0.1, &frame);
    EXPECT_EQ(weight.to_vector(), before) << "no gradient has arrived";
    model.set_gradients(10);
    optimizer->step(0.1, &frame);
    EXPECT_TRUE(optimizer->tensors()[1].trainable);
    EXPECT_NE(weight.to_vector(), before);
    for (const auto& [name, t] : optimizer->state())
      if (name == "optimizer.head.weight.step") {
        EXPECT_EQ(t.item(), 1);
      }
  }
}

TEST(Optimizer, TiedParametersAreOneTensorWithAliases) {
  const Model model;
  Parameters tied = model.parameters();
  tied.push_back({"decoder.weight", model.weight});
  nn::Sgd optimizer(tied);
  ASSERT_EQ(optimizer.tensors().size(), 3u);
  EXPECT_EQ(optimizer.tensors()[1].aliases, std::vector<std::string>{"decoder.weight"});
  EXPECT_EQ(optimizer.tensors()[1].module, "head");
  const double before = model.weight.at(0);
  model.set_gradients(10);
  optimizer.step(0.5);
  EXPECT_FLOAT_EQ(float(model.weight.at(0)), float(before - 0.5 * model.weight.grad_at(0))) << "updated once";
}

TEST(Optimizer, NonFiniteGradientShowsByDefaultAndIsSkippedWhenAsked) {
  for (bool adam : {true, false})
    for (bool skip : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "adam " << adam << ", skip " << skip);
      const Model model;
      const auto optimizer = make(adam, model.parameters(), {.max_norm = 1, .skip_non_finite = skip});
      model.set_gradients(10);
      optimizer->step(0.1);
      const auto before = values(model.parameters());
      const auto state = values(optimizer->state());
      model.set_gradients(20);
      model.bias.grad<float>().data[2] = NAN;
      WatchFrame frame;
      EXPECT_EQ(optimizer->step(0.1, &frame).skipped, skip);
      EXPECT_EQ(frame.skipped, skip);
      EXPECT_TRUE(std::isnan(frame.global_norm));
      EXPECT_EQ(frame.gradient[2].bins[kNanBin], 1u);
      if (!skip) {
        EXPECT_TRUE(std::isnan(model.bias.at(2)));
        EXPECT_FALSE(std::isnan(model.bias.at(1))) << "one NaN must not spread through the clip factor";
        continue;
      }
      EXPECT_EQ(values(model.parameters()), before);
      auto after = values(optimizer->state());
      EXPECT_EQ(after[0], state[0] + 1) << "calls of step() count on";
      after[0] = state[0];
      EXPECT_EQ(after, state) << "m, v and the step counts of the bias correction do not move";
    }
}

TEST(Optimizer, TheNormIsTheSameWhetherTheWatchGivesItOrNot) {
  const float inf = INFINITY;
  for (const auto& bad : {std::vector<float>{}, {NAN}, {inf}, {-inf}, {inf, NAN}}) {
    SCOPED_TRACE(::testing::Message() << bad.size() << " bad, the first " << (bad.empty() ? 0 : bad[0]));
    const auto norm = [&](const nn::WatchOptions& options, double max_norm) {
      const Model model;
      nn::Sgd optimizer(model.parameters(), {.max_norm = max_norm});
      optimizer.watch(options);
      model.set_gradients(10);
      std::copy(bad.begin(), bad.end(), model.bias.grad<float>().data);
      WatchFrame frame;
      const double told = optimizer.step(0.1, &frame).global_norm;
      EXPECT_EQ(std::isnan(told), std::isnan(frame.global_norm));
      return frame.global_norm;
    };
    const double from_watch = norm({}, 0), own_pass = norm({.filter = "*bias*"}, 0), before = norm({}, 1);
    EXPECT_EQ(std::isnan(from_watch), std::isnan(own_pass));
    if (std::isfinite(own_pass)) {
      EXPECT_NEAR(from_watch, own_pass, 1e-12 * own_pass);
    } else if (!std::isnan(own_pass)) {
      EXPECT_EQ(from_watch, own_pass);
    }
    EXPECT_TRUE(before == own_pass || std::isnan(before));
  }
}

TEST(Optimizer, ResumedRunContinuesToTheBit) {
  for (bool adam : {true, false})
    for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
      const OptimizerOptions options{.weight_decay = 0.01, .max_norm = 1};
      const Model straight(dtype), resumed(dtype);
      const auto a = make(adam, straight.parameters(), options), b = make(adam, resumed.parameters(), options);
      for (unsigned step = 0; step < 5; ++step) {
        straight.set_gradients(100 + step);
        a->step(0.01);
        resumed.set_gradients(100 + step);
        b->step(0.01);
      }
      const auto c = make(adam, resumed.parameters(), options);
      c->load_state(b->state());
      EXPECT_EQ(c->steps(), 5);
      for (unsigned step = 5; step < 9; ++step) {
        straight.set_gradients(100 + step);
        a->step(0.01);
        resumed.set_gradients(100 + step);
        c->step(0.01);
      }
      EXPECT_EQ(values(straight.parameters()), values(resumed.parameters()));
      EXPECT_EQ(values(a->state()), values(c->state()));
    }
}

TEST(Optimizer, StateThatDoesNotFitIsRefusedAndChangesNothing) {
  const Model model;
  nn::AdamW optimizer(model.parameters());
  model.set_gradients(10);
  optimizer.step(0.1);
  const auto before = values(optimizer.state());
  Parameters state = optimizer.state();
  for (auto& t : state) t.tensor = t.tensor.copy();
  state.back().tensor = Tensor::zeros({4}, Dtype::f64);
  EXPECT_THROW(optimizer.load_state(state), UserError);
  state.pop_back();
  EXPECT_THROW(optimizer.load_state(state), UserError);
  EXPECT_THROW(optimizer.load_state({}), UserError);
  EXPECT_EQ(values(optimizer.state()), before);
}

TEST(Optimizer, MixedDtypesAreRefusedByName) {
  try {
    nn::Sgd({{"a", Tensor::zeros({2})}, {"b", Tensor::zeros({2}, Dtype::f64)}});
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "optimizer: b is f64, but a is f32");
  }
}

TEST(Optimizer, NoParametersAndEmptyTensors) {
  nn::AdamW none({});
  WatchFrame frame;
  EXPECT_EQ(none.step(0.1, &frame).global_norm, 0);
  Tensor empty = Tensor::zeros({0, 3});
  empty.set_needs_grad(true);
  empty.grad<float>();
  nn::AdamW one({{"empty", empty}});
  one.step(0.1, &frame);
  EXPECT_EQ(frame.gradient[0].count(), 0u);
}

TEST(Optimizer, ZeroGradDropsGradientsAndThePassLeavesZeros) {
  const Model model;
  nn::Sgd optimizer(model.parameters(), {.zero_gradients = true});
  model.set_gradients(10);
  optimizer.step(0.1);
  ASSERT_TRUE(model.weight.has_grad());
  for (long i = 0; i < 15; ++i) EXPECT_EQ(model.weight.grad_at(i), 0);
  optimizer.zero_grad();
  EXPECT_FALSE(model.weight.has_grad());
}

}  // namespace
}  // namespace heartbeat
