// Whole programs with --device cuda, on the emulator, beside the same programs on the CPU: from one seed, fifty steps
// of both go the same way, and what the heartbeat records of them is the same picture.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <tuple>

#include "graph/dataset.h"
#include "kernels/common/statistics.h"
#include "tests/support/proteins.h"
#include "tests/support/runs.h"

namespace heartbeat::testing {
namespace {

constexpr double kLossBound = 1e-4;  // relative, at every step

struct TwoRuns {
  explicit TwoRuns(const std::string& command) {
    setenv("HEARTBEAT_SIMT_OPEN_HEAP", "1", 1);  // tests/devices finds hosts that read device memory
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
    std::printf("largest relative difference of the loss: %.2g\n", largest);
  }

  // Every histogram of one run has its twin in the other. Values differ by about 1e-6 of themselves, and Adam makes
  // more of it where a gradient is all rounding, so now and then one lies on the other side of the edge of a bin: three
  // elements of a tensor may, or one in a thousand. Seen were two.
  void expect_equal_histograms() const {
    std::map<std::tuple<long, long, Quantity>, TensorStats> wanted;
    const RunReader cpu(run("cpu")), cuda(run("cuda"));
    cpu.watch({}, [&](const WatchRow& w) { wanted[{w.step, w.tensor, w.quantity}] = w.stats; });
    size_t rows = 0;
    cuda.watch({}, [&](const WatchRow& w) {
      ++rows;
      const TensorStats& want = wanted[{w.step, w.tensor, w.quantity}];
      SCOPED_TRACE(::testing::Message() << cuda.tensors()[w.tensor].name << ", quantity " << int(w.quantity)
                                        << ", step " << w.step);
      EXPECT_EQ(w.stats.count(), want.count());
      EXPECT_EQ(w.stats.finite(), want.finite());
      double moved = 0;  // elements in another bin: each is missing in one and too many in another
      for (int b = 0; b < kBins; ++b) moved += std::abs(double(w.stats.bins[b]) - double(want.bins[b])) / 2;
      EXPECT_LE(moved, std::max(3.0, 1e-3 * double(want.count())));
    });
    EXPECT_EQ(rows, wanted.size());
    EXPECT_GT(rows, 100u);
  }

  Scratch scratch;
};

TEST(DigitsOnBothDevices, FiftyStepsAgree) {
  const TwoRuns runs("train_mnist --synthetic 200 --epochs 1 --batch-size 4 --lr 0.05");
  runs.expect_equal_losses(50);
  runs.expect_equal_histograms();
}

// As small as proteins can be for an emulated GPU: chains of five or six residues, and a complex.
void write_proteins(const std::string& path) {
  DatasetWriter writer(path, "{}");
  for (int n = 0; n < 6; ++n) {
    const std::string id = "p" + std::to_string(n);
    Protein protein = random_protein(id, n == 5 ? std::vector<long>{4, 3} : std::vector<long>{5 + n % 2}, 1, 0.4);
    if (n == 0) protein.split = "validation";
    writer.add({id, 1, 1, 1}, {protein}, {});
  }
  writer.finish();
}

TEST(ContactsOnBothDevices, FiftyStepsAgree) {
  const Scratch scratch;
  const std::string data = scratch.file("contacts.db");
  write_proteins(data);
  const TwoRuns runs("train_contacts --data " + data + " --max-steps 50 --eval-steps 50 --pairs-per-batch 40");
  runs.expect_equal_losses(50);
  runs.expect_equal_histograms();
}

// A GPU that is too small ends a run with one sentence and exit code 1, and leaves its log readable.
TEST(DigitsOnGpu, OutOfMemoryIsOneSentenceAndTheLogIsWhole) {
  const Scratch scratch;
  const std::string run = scratch.file("run");
  setenv("HEARTBEAT_GPU_MEMORY", "9000000", 1);  // the model fits, a step of 64 digits does not
  const Outcome outcome = run_command("train_mnist --quiet --synthetic 200 --epochs 1 --device cuda --run-dir " + run);
  unsetenv("HEARTBEAT_GPU_MEMORY");
  expect_one_sentence("train_mnist", outcome, 1, "the GPU is out of memory: ");
  for (const char* part :
       {"were asked for and", "largest pieces", "lower the batch (--pairs-per-batch or --batch-size)"})
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(RunReader(run).tensors().size(), 10u);
}

// A map is predicted on either device, and auto stays on the CPU where the GPU is emulated.
TEST(ContactsOnBothDevices, PredictionsAgree) {
  const Scratch scratch;
  const std::string data = scratch.file("contacts.db"), run = scratch.file("run");
  write_proteins(data);
  ASSERT_EQ(
      run_command("train_contacts --quiet --data " + data + " --max-steps 2 --pairs-per-batch 40 --run-dir " + run)
          .code,
      0);
  EXPECT_EQ(RunReader(run).meta().at("device"), "cpu");
  std::vector<std::string> tables;
  for (const char* device : {"cpu", "cuda"}) {
    const std::string out = scratch.file(device);
    const Outcome outcome = run_command("predict_contacts --quiet --formats tsv --split all --checkpoint " + run +
                                        "/best.safetensors --data " + data + " --device " + device + " --out " + out);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    tables.push_back(read_text(out + "/metrics.tsv") + read_text(out + "/p5/contacts.tsv"));
  }
  EXPECT_GT(tables[0].size(), 1000u);
  EXPECT_EQ(tables[1], tables[0]);
}

}  // namespace
}  // namespace heartbeat::testing
