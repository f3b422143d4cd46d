// What a run leaves, read by the clients that people have: TensorBoard, W&B, and Python with sqlite3, safetensors and
// PyTorch. The scripts in tests/interop do the comparing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/peers.h"
#include "tests/support/runs.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

class Interop : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
  }
  // Runs a script of tests/interop and says what it said where it fails.
  void expect_agreement(const std::string& python, const std::string& script) const {
    const std::string command = python + " " HEARTBEAT_SOURCE_DIR "/tests/interop/" + script;
    EXPECT_EQ(std::system((command + " >" + file("said") + " 2>&1").c_str()), 0) << read_text(file("said"));
  }
  // A few steps of a contact model: scalars, histograms and maps, without learning anything.
  void train_contacts() const {
    for (const std::string& command :
         {"make_proteins --count 12 --min-length 40 --max-length 50 --out " + file("proteins"),
          "prepare_contacts --quiet --structures " + file("proteins") + " --out " + file("contacts.db"),
          "train_contacts --quiet --pairs-per-batch 2000 --max-steps 4 --eval-steps 2 --watch-filter '*bias' "
          "--data " +
              file("contacts.db") + " --run-dir " + file("run")}) {
      const Outcome outcome = run_command(command);
      ASSERT_EQ(outcome.code, 0) << outcome.err;
    }
  }
  std::string file(const std::string& name) const { return scratch_.file(name); }

 private:
  Scratch scratch_;
};

TEST_F(Interop, TensorBoardReadsScalarsHistogramsAndImages) {
  const std::string python = python_with("PIL, tensorboard");
  if (python.empty()) GTEST_SKIP() << kNoPeers;
  train_contacts();
  expect_agreement(python, "tensorboard_run.py " + file("run"));
}

TEST_F(Interop, WandbImportsTheEventFiles) {
  const std::string python = python_with("PIL, tensorboard, wandb");
  if (python.empty()) GTEST_SKIP() << kNoPeers;
  train_contacts();
  expect_agreement(python, "wandb_sync.py " + file("run"));
}

TEST_F(Interop, PyTorchGivesTheLossAndTheAccuracyOfTheDigits) {
  const std::string python = python_with("numpy, safetensors, torch");
  if (python.empty()) GTEST_SKIP() << kNoPeers;
  const std::string train =
      "train_mnist --quiet --synthetic 600 --batch-size 20 --noise-module off --run-dir " + file("run") + " --epochs ";
  ASSERT_EQ(run_command(train + "1").code, 0);
  std::filesystem::copy(file("run/best.safetensors"), file("first.safetensors"));
  const Outcome resumed = run_command(train + "2 --resume");  // the step after those weights is in the log, too
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  expect_agreement(python, "digits_in_torch.py " + file("run") + " " + file("first.safetensors"));
}

TEST_F(Interop, PyTorchPredictsTheSameContacts) {
  const std::string python = python_with("numpy, safetensors, torch");
  if (python.empty()) GTEST_SKIP() << kNoPeers;
  train_contacts();
  expect_agreement(python,
                   "contacts_in_torch.py move " + file("run/best.safetensors") + " " + file("moved.safetensors"));
  std::ofstream(file("one.fasta")) << ">query\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQMKTAYIAKQRQISFVKSHFSRQ\n";
  const Outcome predicted =
      run_command("predict_contacts --quiet --formats npz --checkpoint " + file("moved.safetensors") + " --fasta " +
                  file("one.fasta") + " --out " + file("out"));
  ASSERT_EQ(predicted.code, 0) << predicted.err;
  expect_agreement(python,
                   "contacts_in_torch.py compare " + file("moved.safetensors") + " " + file("out/query/map.npz"));
}

}  // namespace
}  // namespace heartbeat
