// Whole programs with --device cuda, on the emulator, beside the same programs on the CPU: from one seed, fifty steps
// of both go the same way, and what the heartbeat records of them is the same picture.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "tests/support/runs.h"

namespace heartbeat::testing {
namespace {

constexpr double kLossBound = 1e-4;  // relative, at every step

struct TwoRuns {
  explicit TwoRuns(const std::string& command) {
    for (const std::string device : {"cpu", "cuda"}) {
      const Outcome outcome = run_command(command + " --quiet --device " + device + " --run-dir " + run(device));
      EXPECT_EQ(outcome.code, 0) << device << ": " << outcome.err;
      EXPECT_NE(outcome.out.find("on the " + device), std::string::npos) << outcome.out;
      EXPECT_EQ(RunReader(run(device)).meta().at("device"), device);
      EXPECT_NE(RunReader(run(device)).meta().at("config").find("device=\"" + device + "\""), std::string::npos);
    }
  }
  std::string run(const std::string& device) const { return scratch.file(device); }

  void expect_equal_losses(size_t steps) const {
    const auto want = values(run("cpu"), "train/loss"), got = values(run("cuda"), "train/loss");
    ASSERT_EQ(want.size(), steps);
    ASSERT_EQ(got.size(), steps);
    double largest = 0;
    for (size_t k = 0; k < steps; ++k) {
      EXPECT_NEAR(got[k], want[k], kLossBound * std::abs(want[k])) << "step " << k + 1;
      largest = std::max(largest, std::abs(got[k] / want[k] - 1));
    }
    EXPECT_LT(want.back(), want.front()) << "nothing was learned";
    RecordProperty("largest_relative_difference", std::to_string(largest));
    std::printf("largest relative difference of the loss: %.2g\n", largest);
  }

  // The share of a tensor's elements that one run counts in another bin than the other run does.
  using Shares = std::map<Quantity, std::map<std::string, double>>;  // the largest of all steps, by name
  Shares moved() const {
    struct Key {
      long step, tensor;
      Quantity quantity;
      auto operator<=>(const Key&) const = default;
    };
    std::map<Key, TensorStats> seen;
    const RunReader cpu(run("cpu")), cuda(run("cuda"));
    cpu.watch({}, [&](const WatchRow& w) { seen[{w.step, w.tensor, w.quantity}] = w.stats; });
    Shares shares;
    size_t rows = 0;
    cuda.watch({}, [&](const WatchRow& w) {
      ++rows;
      const auto at = seen.find({w.step, w.tensor, w.quantity});
      ASSERT_NE(at, seen.end());
      EXPECT_EQ(w.stats.count(), at->second.count());
      double distance = 0;
      for (int b = 0; b < kBins; ++b) distance += std::abs(double(w.stats.bins[b]) - double(at->second.bins[b])) / 2;
      double& share = shares[w.quantity][cuda.tensors()[w.tensor].name];
      share = std::max(share, distance / double(w.stats.count()));
    });
    EXPECT_EQ(rows, seen.size());
    EXPECT_GT(rows, 0u);
    return shares;
  }

  Scratch scratch;
};

TEST(DigitsOnBothDevices, FiftyStepsAgree) {
  const TwoRuns runs("train_mnist --synthetic 200 --epochs 1 --batch-size 4 --lr 0.05");
  runs.expect_equal_losses(50);
  for (const auto& [quantity, tensors] : runs.moved())
    for (const auto& [name, share] : tensors) std::printf("%d %s %.4g\n", int(quantity), name.c_str(), share);
}

TEST(ContactsOnBothDevices, FiftyStepsAgree) {
  const Scratch scratch;
  const std::string proteins = scratch.file("proteins"), data = scratch.file("contacts.db");
  ASSERT_EQ(run_command("make_proteins --count 12 --min-length 20 --max-length 24 --out " + proteins).code, 0);
  ASSERT_EQ(run_command("prepare_contacts --quiet --structures " + proteins + " --out " + data).code, 0);
  const TwoRuns runs("train_contacts --data " + data + " --max-steps 50 --eval-steps 50 --pairs-per-batch 200");
  runs.expect_equal_losses(50);
  for (const auto& [quantity, tensors] : runs.moved())
    for (const auto& [name, share] : tensors) std::printf("%d %s %.4g\n", int(quantity), name.c_str(), share);
}

}  // namespace
}  // namespace heartbeat::testing
