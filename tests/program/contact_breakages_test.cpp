// Each preset of train_contacts --break shows the symptom that it promises. Short runs on small proteins.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "kernels/histogram/histogram.h"
#include "tests/support/command.h"
#include "tests/support/run_facts.h"
#include "tools/contacts/breakages.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

class ContactBreakages : public ::testing::Test {
 protected:
  struct Shared {
    Shared() {
      setenv("OMP_NUM_THREADS", "1", 1);
      const Outcome made = run_command("make_proteins --count 10 --min-length 40 --max-length 48 --out " + proteins);
      const Outcome prepared = run_command("prepare_contacts --quiet --structures " + proteins + " --out " + data);
      complaint = made.err + prepared.err;
    }
    Scratch scratch;
    std::string proteins = scratch.file("proteins"), data = scratch.file("contacts.db"), complaint;
  };
  static const Shared& shared() {
    static const Shared shared;
    return shared;
  }
  void SetUp() override { ASSERT_EQ(shared().complaint, ""); }

  Outcome train(const std::string& flags) const {
    return run_command(
        "train_contacts --quiet --tensorboard off --crop 32 --pairs-per-batch 600 --eval-steps 1000000 "
        "--data " +
        shared().data + " --run-dir " + run + " " + flags);
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

  Scratch scratch;
  std::string run = scratch.file("run");
};

TEST_F(ContactBreakages, MeanHasNoGradientBelowTheLastLayer) {
  const RunReader log = broken("mean", "--max-steps 12");
  const auto gradients = watched(log, Quantity::gradient);
  for (const auto& [name, stats] : gradients)
    EXPECT_EQ(stats.bins[kZeroBin] == stats.count(), name != "head.out.bias") << name;
  // Every pair has the same odds, so that the ranking is a draw: the AUPRC is near the density.
  const double auprc = values(log, "valid/auprc/cb8/all").back(), density = values(log, "valid/density/cb8/all").back();
  EXPECT_LT(auprc, 1.5 * density);
}

TEST_F(ContactBreakages, OverflowGrowsAndThenIsNoNumber) {
  const RunReader log = broken("overflow", "");
  const auto loss = values(log, "train/loss");
  const auto first = std::find_if(loss.begin(), loss.end(), [](double v) { return !std::isfinite(v); });
  ASSERT_NE(first, loss.end());
  const long step = first - loss.begin() + 1;
  EXPECT_GT(step, 10);
  const auto norm = [&](long at) {
    return std::sqrt(watched(log, Quantity::parameter, {at, at})["head.out.weight"].sum_of_squares);
  };
  EXPECT_GT(norm(step / 2), 4 * norm(1));
  EXPECT_GT(norm(step - 1), 4 * norm(step / 2));
  const auto after = watched(log, Quantity::parameter, {step + 2, step + 2});
  EXPECT_GT(after.at("head.out.weight").bins[kNanBin], 0u);
}

TEST_F(ContactBreakages, LrThrowsTheWeightsAbout) {
  const RunReader log = broken("lr", "--max-steps 40");
  const auto parameters = watched(log, Quantity::parameter, {1, 5}), updates = watched(log, Quantity::update, {1, 5});
  long wild = 0;
  for (const auto& [name, stats] : updates)
    wild += std::sqrt(stats.sum_of_squares / parameters.at(name).sum_of_squares) > 0.1;
  EXPECT_GT(wild, long(updates.size()) * 9 / 10);
  const auto loss = values(log, "train/loss");
  EXPECT_GT(*std::max_element(loss.begin(), loss.end()), 10 * loss[0]);
}

TEST_F(ContactBreakages, FrozenEmbeddingStaysToTheBit) {
  const RunReader log = broken("frozen-embedding", "--max-steps 10");
  const auto gradients = watched(log, Quantity::gradient), updates = watched(log, Quantity::update);
  EXPECT_EQ(gradients.at("embedding.weight").bins[kZeroBin], 10u * 21 * 96);
  EXPECT_EQ(updates.at("embedding.weight").bins[kZeroBin], 10u * 21 * 96);
  EXPECT_EQ(watched(log, Quantity::parameter, {1, 1})["embedding.weight"],
            watched(log, Quantity::parameter, {10, 10})["embedding.weight"]);
  EXPECT_LT(gradients.at("ggn.gru.bias_hh").bins[kZeroBin], gradients.at("ggn.gru.bias_hh").count() / 2);
}

TEST_F(ContactBreakages, VarianceTrendsUp) {
  const RunReader log = broken("variance-up", "--max-steps 80");
  const auto slopes = variance_slopes(log);  // log2 over 100 steps
  EXPECT_EQ(slopes.size(), 180u);
  long rising = 0;
  for (const auto& [name, slope] : slopes) rising += slope > 0.1;
  EXPECT_GT(rising, long(slopes.size()) * 9 / 10);
  const auto loss = values(log, "train/loss");
  EXPECT_LT(mean_of_last(loss, 10), 2 * *std::min_element(loss.begin(), loss.end()));  // it says nothing yet
}

TEST_F(ContactBreakages, StuckShrinksWithoutLearning) {
  const RunReader log = broken("stuck", "--max-steps 120");
  std::vector<double> shrunk;
  const auto early = watched(log, Quantity::gradient, {1, 20}), late = watched(log, Quantity::gradient, {101, 120});
  for (const auto& [name, stats] : late)
    if (early.at(name).sum_of_squares > 0)
      shrunk.push_back(std::sqrt(stats.sum_of_squares / early.at(name).sum_of_squares));
  std::nth_element(shrunk.begin(), shrunk.begin() + long(shrunk.size() / 2), shrunk.end());
  EXPECT_LT(shrunk[shrunk.size() / 2], 0.1);
  const auto loss = values(log, "train/loss");
  EXPECT_NEAR(mean_of_last(loss, 40) / mean_of_last({loss.begin(), loss.begin() + 40}, 40), 1, 0.15);
}

TEST_F(ContactBreakages, ScaleGapIsAHundredfold) {
  const RunReader log = broken("scale-gap", "--max-steps 20");
  const auto gradients = watched(log, Quantity::gradient);
  EXPECT_GT(median_magnitude(gradients.at("ggn.gru.bias_hh")),
            100 * median_magnitude(gradients.at("embedding.weight")));
  EXPECT_GT(median_magnitude(gradients.at("embedding.weight")), 0);
}

TEST_F(ContactBreakages, FlagsWinAndAResumedRunStaysBroken) {
  ASSERT_EQ(train("--break=mean --prior on --max-steps 3").code, 0);
  const RunReader log(run);
  EXPECT_NE(log.meta().at("config").find("prior=\"on\""), std::string::npos) << log.meta().at("config");
  EXPECT_NE(log.meta().at("config").find("break=\"mean\""), std::string::npos);
  const Outcome healed = train("--max-steps 5 --prior on --resume");
  EXPECT_EQ(healed.code, 2);
  EXPECT_NE(healed.err.find("the run has --break=mean"), std::string::npos) << healed.err;
  ASSERT_EQ(train("--break=mean --max-steps 5 --prior on --resume").code, 0);
  const TensorStats last = watched(RunReader(run), Quantity::gradient, {5, 5})["head.out.weight"];
  EXPECT_EQ(last.bins[kZeroBin], last.count());
  EXPECT_GT(last.count(), 0u);
  const Outcome unknown = train("--break=nothing");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("--break=nothing is not known; choose mean, overflow"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace heartbeat
