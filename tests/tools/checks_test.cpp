// --probe and the checks on losses whose answers are known.
#include "tools/train/checks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/support/fake_run.h"
#include "tests/support/run_facts.h"
#include "tests/support/scratch.h"
#include "tools/train/probe.h"

namespace heartbeat {
namespace {

using testing::Scratch;

// sum over examples of |w - x|^2 / n, in columns; x [n, 2] is a constant.
Tensor mean_distance(const Tensor& w, const Tensor& x) {
  const Tensor difference = add_bias(scale(x, -1), w);
  const Tensor ones = Tensor::full({x.rows(), 1}, 1, x.dtype());
  return scale(matmul(matmul_transposed(Tensor::full({1, 2}, 1, x.dtype()), mul(difference, difference)), ones),
               1 / double(x.rows()))
      .reshape({1});
}

Tensor learned(std::vector<double> values, Dtype dtype = Dtype::f32) {
  Tensor w = Tensor::from({long(values.size())}, values, dtype);
  w.set_needs_grad(true);
  return w;
}

// What a probe of one step logs.
struct Probed {
  std::map<std::string, double> scalars;
  double at(const std::string& name) const {
    const auto found = scalars.find("probe/" + name);
    return found == scalars.end() ? NAN : found->second;
  }
};

// move: what the step does to w, along its gradient.
Probed probed(ProbedBatch batch, double move, Tensor w) {
  const Scratch scratch;
  {
    RunLogOptions options;
    options.tensorboard = false;
    RunLog log(scratch.file("run"), testing::fake_meta(), options);
    Probe probe(batch);
    probe.before(log, 1);
    EXPECT_FALSE(w.has_grad());
    const Tensor loss = batch.loss();
    backward(loss);
    probe.keep(loss.item());
    w.assign(add(w.detach(), scale(w.gradient(), -move)));
    probe.after(log, 1);
    log.close();
  }
  Probed result;
  for (const ScalarRow& s : RunReader(scratch.file("run")).scalars()) result.scalars[s.name] = s.value;
  return result;
}

struct Little {
  Tensor w = learned({1, 2});
  Tensor x = Tensor::from({4, 2}, {0, 0, 0, 2, 4, 0, 4, 2});
  ProbedBatch batch(bool sum = false) const {
    const auto loss = [w = w, sum](const Tensor& x) { return scale(mean_distance(w, x), sum ? double(x.rows()) : 1); };
    const Tensor first = Tensor::from({2, 2}, {0, 0, 0, 2}), last = Tensor::from({2, 2}, {4, 0, 4, 2});
    return {.parameters = {{"w", w}},
            .loss = [loss, x = x] { return loss(x); },
            .blank_loss = [loss, x = x] { return loss(Tensor::zeros(x.shape())); },
            .half_losses = {[loss, first] { return loss(first); }, [loss, last] { return loss(last); }}};
  }
};

TEST(Probe, HalvesGiveSignalAndNoise) {
  const Little one;
  const Probed p = probed(one.batch(), 0.1, one.w);
  // Gradients 2 (w - mean x): (2, 2) of the first half, (-6, 2) of the second.
  EXPECT_NEAR(p.at("signal"), 2 * -6 + 2 * 2, 1e-4);
  EXPECT_NEAR(p.at("noise"), 64.0 / 4, 1e-4);
  EXPECT_NEAR(p.at("loss_ratio"), 1, 1e-6);
  // 7 as it is: 1 and 9 from the first column, each with 0 or 4 from the second, in the mean; blank 5.
  EXPECT_NEAR(p.at("blank_gain"), 5.0 / 7 - 1, 1e-6);
  EXPECT_TRUE(std::isnan(p.at("leak")));
  const Little summed;
  EXPECT_NEAR(probed(summed.batch(true), 0.01, summed.w).at("loss_ratio"), 2, 1e-6);
}

// |w - x|^2 has its minimum along the gradient at a rate of 1/2, and is as high again at 1.
TEST(Probe, AlphaIsThePlaceOnTheParabola) {
  for (const auto& [rate, alpha] : {std::pair(0.005, -0.99), {0.5, 0.0}, {0.25, -0.5}, {1.0, 1.0}, {1.5, 2.0}}) {
    const Little one;
    EXPECT_NEAR(probed(one.batch(), rate, one.w).at("alpha"), alpha, 1e-3) << rate;
  }
  const Little uphill;
  EXPECT_TRUE(std::isnan(probed(uphill.batch(), -0.1, uphill.w).at("alpha")));
}

TEST(Probe, LeaksAreMeasured) {
  Little one;
  ProbedBatch batch = one.batch();
  for (const double leak : {0.0, 0.25}) {
    batch.others = [leak](bool blank) { return Tensor::from({1, 2}, {1, blank ? -2 + 2 * leak : -2}); };
    EXPECT_NEAR(probed(batch, 0.1, one.w).at("leak"), leak, 1e-6);
  }
}

TEST(Probe, AnInfiniteLossIsLeftToOthers) {
  const Little one;
  ProbedBatch batch = one.batch();
  batch.loss = [w = one.w] { return scale(mean_distance(w, Tensor::from({1, 2}, {1, 2})), INFINITY); };
  EXPECT_TRUE(probed(batch, 0, one.w).scalars.empty());
}

// One step of gradient descent on |w - x|^2, with mistakes to choose from.
class FakeRehearsal : public Rehearsal {
 public:
  struct Mistakes {
    double backward = 1;         // times the true gradient
    double still = 1;            // times the rate
    double* unseeded = nullptr;  // added to the batch, and grows
  };
  FakeRehearsal(bool small, Mistakes m) : dtype_(small ? Dtype::f64 : Dtype::f32), m_(m), w_(learned({1, 2}, dtype_)) {}
  nn::Parameters parameters() const override { return {{"layer.w", w_}}; }
  Tensor loss(long step, bool) const override {
    const double x = 0.1 * double(step % 2) + (m_.unseeded ? * m_.unseeded += 0.5 : 0);
    Tensor seen = w_;
    if (m_.backward != 1 && tape().recording()) {
      seen = w_.detach().copy();
      tape().record("wrong", seen, [w = w_, seen, by = m_.backward] {
        dispatch_wide("test", Device::cpu, w.dtype(), [&]<class T>(auto, Type<T>) {
          for (long e = 0; e < w.numel(); ++e) w.grad<T>().data[e] += T(by) * seen.grad<T>().data[e];
        });
      });
    }
    return mean_distance(seen, Tensor::from({1, 2}, {x, x}, dtype_));
  }
  void update(long) override { w_.assign(add(w_.detach(), scale(w_.gradient(), -0.1 * m_.still))); }

 private:
  const Dtype dtype_;
  const Mistakes m_;
  Tensor w_;
};

std::map<std::string, double> checked(FakeRehearsal::Mistakes mistakes,
                                      const std::function<void(const MakeRehearsal&, RunLog&)>& check) {
  const Scratch scratch;
  {
    RunLogOptions options;
    options.tensorboard = false;
    RunLog log(scratch.file("run"), testing::fake_meta(), options);
    check([&](bool small) { return std::make_unique<FakeRehearsal>(small, mistakes); }, log);
    log.close();
  }
  std::map<std::string, double> scalars;
  for (const ScalarRow& s : RunReader(scratch.file("run")).scalars()) scalars[s.name] = s.value;
  return scalars;
}

TEST(Checks, OneBatchIsLearnedByHeartOrNot) {
  const auto overfit = [](const MakeRehearsal& make, RunLog& log) { check_overfit(make, 60, log); };
  auto found = checked({}, overfit);
  EXPECT_EQ(found["check/overfit/steps"], 60);
  EXPECT_NEAR(found["check/overfit/first"], 5, 1e-5);
  EXPECT_LT(found["check/overfit/last"], 1e-4);
  found = checked({.still = 0}, overfit);
  EXPECT_EQ(found["check/overfit/last"], found["check/overfit/first"]);
}

TEST(Checks, GradientsAreHeldAgainstDifferences) {
  const auto gradient = [](const MakeRehearsal& make, RunLog& log) { check_gradient(make, 1, log); };
  EXPECT_LT(checked({}, gradient).at("check/gradient/layer.w"), 1e-7);
  EXPECT_NEAR(checked({.backward = 1.25}, gradient).at("check/gradient/layer.w"), 0.2, 1e-6);
  EXPECT_NEAR(checked({.backward = 0}, gradient).at("check/gradient/layer.w"), 1, 1e-6);
}

TEST(Checks, TrainingsFromOneSeedAreCompared) {
  const auto repeats = [](const MakeRehearsal& make, RunLog& log) { check_repeats(make, 5, log); };
  auto found = checked({}, repeats);
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at("check/differ_at"), 0);
  double drawn = 0;
  found = checked({.unseeded = &drawn}, repeats);
  EXPECT_EQ(found.at("check/differ_at"), 1);
  EXPECT_EQ(found.at("check/differs/loss"), 1);
  EXPECT_EQ(found.at("check/differs/layer.w"), 2);
}

TEST(Checks, OnlyWhatWasAskedForSetsTheExitCode) {
  std::vector<AlertRow> alerts;
  for (const auto& [rule, severity] : {std::pair("R16", "F"), {"R37", "E"}, {"R38", "W"}, {"R40", "I"}}) {
    alerts.emplace_back();
    alerts.back().rule = rule;
    alerts.back().severity = severity;
  }
  RunOptions o;
  EXPECT_EQ(exit_code_of_what_was_asked(o, alerts), 0);
  o.ablate = "fc1";
  EXPECT_EQ(exit_code_of_what_was_asked(o, alerts), 10);
  o.probe = 5;
  EXPECT_EQ(exit_code_of_what_was_asked(o, alerts), 11);
  o.breakage.name = "noise";
  EXPECT_EQ(exit_code_of_what_was_asked(o, alerts), 0);
}

}  // namespace
}  // namespace heartbeat
