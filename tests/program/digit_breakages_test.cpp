// Each preset of train_mnist --break shows the symptom that it promises. 20 steps to an epoch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/command.h"
#include "tests/support/run_facts.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

class DigitBreakages : public ::testing::Test {
 protected:
  Outcome train(const std::string& flags) const {
    return run_command("train_mnist --quiet --tensorboard off --synthetic 1280 --run-dir " + run + " " + flags);
  }
  RunReader broken(const std::string& name, const std::string& more) const {
    const Outcome outcome = train("--break=" + name + " " + more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("broken on purpose (" + name + "): "), std::string::npos) << outcome.out;
    RunReader log(run);
    EXPECT_EQ(log.meta().at("break"), name);
    EXPECT_EQ(note(log, "break").rfind("broken on purpose (" + name + ")", 0), 0u);
    return log;
  }
  // Norm of the update over norm of the parameter, in a range of steps.
  static std::map<std::string, double> update_ratios(const RunReader& log, StepRange steps) {
    const auto parameters = watched(log, Quantity::parameter, steps), updates = watched(log, Quantity::update, steps);
    std::map<std::string, double> ratios;
    for (const auto& [name, stats] : updates)
      ratios[name] = std::sqrt(stats.sum_of_squares / parameters.at(name).sum_of_squares);
    return ratios;
  }

  Scratch scratch;
  std::string run = scratch.file("run");
};

TEST_F(DigitBreakages, MeanHasNoGradientBelowTheLastLayer) {
  const RunReader log = broken("mean", "");
  for (const auto& [name, stats] : watched(log, Quantity::gradient))
    EXPECT_EQ(stats.bins[kZeroBin] == stats.count(), name != "fc2.bias") << name;
  EXPECT_LT(values(log, "test/accuracy").back(), 0.2);
  EXPECT_EQ(values(log, "train/loss").size(), 20u);
}

TEST_F(DigitBreakages, OverflowGrowsAndThenIsNoNumber) {
  const RunReader log = broken("overflow", "--epochs 4");
  const auto loss = values(log, "train/loss");
  const long step =
      std::find_if(loss.begin(), loss.end(), [](double v) { return !std::isfinite(v); }) - loss.begin() + 1;
  ASSERT_LE(step, 79);
  EXPECT_GT(step, 10);
  const auto largest = [&](long at) { return watched(log, Quantity::parameter, {at, at})["conv2.weight"].max; };
  EXPECT_GT(largest(step - 1), 100 * largest(1));
  EXPECT_GT(watched(log, Quantity::parameter, {step + 1, step + 1})["fc2.weight"].bins[kNanBin], 0u);
}

TEST_F(DigitBreakages, LrMovesNothing) {
  const RunReader log = broken("lr", "");
  for (const auto& [name, ratio] : update_ratios(log, {1, 20})) EXPECT_LT(ratio, 1e-5) << name;
  EXPECT_NEAR(mean_of_last(values(log, "train/loss"), 5), std::log(10), 0.1);
}

TEST_F(DigitBreakages, NoiseReachesARandomModuleWeakly) {
  const RunReader log = broken("noise", "--epochs 2");
  const auto scale = scale_of_module(watched(log, Quantity::gradient), "rand_fc");
  ASSERT_TRUE(scale);
  EXPECT_LT(*scale, 0.5);
}

TEST_F(DigitBreakages, VarianceTrendsUp) {
  const RunReader log = broken("variance-up", "--epochs 4");
  const auto slopes = variance_slopes(log);
  EXPECT_EQ(slopes.size(), 10u);
  for (const auto& [name, slope] : slopes) EXPECT_GT(slope, 0.1) << name;
  const auto loss = values(log, "train/loss");
  EXPECT_LT(mean_of_last(loss, 10), 1.1 * loss[0]);  // it says nothing yet
}

TEST_F(DigitBreakages, StuckShrinksWithoutLearning) {
  const RunReader log = broken("stuck", "--epochs 3");
  const auto early = watched(log, Quantity::gradient, {1, 10}), late = watched(log, Quantity::gradient, {51, 60});
  for (const char* name : {"conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"})
    EXPECT_LT(median_magnitude(late.at(name)), 0.1 * median_magnitude(early.at(name))) << name;
  EXPECT_NEAR(mean_of_last(values(log, "train/loss"), 10), std::log(10), 0.05);
}

TEST_F(DigitBreakages, ScaleGapIsAHundredfold) {
  const RunReader log = broken("scale-gap", "");
  const auto gradients = watched(log, Quantity::gradient);
  EXPECT_GT(median_magnitude(gradients.at("fc2.weight")), 100 * median_magnitude(gradients.at("conv1.weight")));
  EXPECT_GT(median_magnitude(gradients.at("conv1.weight")), 0);
}

TEST_F(DigitBreakages, WhatDoesNotFitGetsASentence) {
  const Outcome outcome = train("--break=frozen-embedding");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("digits need no embedding"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
}

}  // namespace
}  // namespace heartbeat
