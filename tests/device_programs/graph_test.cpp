// --graph: a run whose steps are recorded once and replayed leaves the log and the weights of a run whose steps are
// launched kernel by kernel, to the bit, and in neither does the host wait for the GPU inside a step.
#include <gtest/gtest.h>

#include <cstdlib>

#include "graph/dataset.h"
#include "tests/support/proteins.h"
#include "tests/support/runs.h"

namespace heartbeat::testing {
namespace {

class GraphOnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("HEARTBEAT_SIMT_OPEN_HEAP", "1", 1);
    setenv("HEARTBEAT_FORBID_WAITS", "1", 1);
  }
  void TearDown() override { unsetenv("HEARTBEAT_FORBID_WAITS"); }

  std::string train(const std::string& command, const std::string& graph) {
    const std::string run = scratch.file(graph + std::to_string(runs_++));
    const Outcome outcome = run_command(command + " --quiet --device cuda --graph " + graph + " --run-dir " + run);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return run;
  }
  static std::string note(const std::string& run) {
    std::string all;
    for (const NoteRow& n : RunReader(run).notes())
      if (n.key == "graph") all += std::to_string(n.step) + ": " + n.value;
    return all;
  }
  void expect_the_same_bits(const std::string& command, const std::string& recorded) {
    const std::string on = train(command, "on"), off = train(command, "off");
    EXPECT_EQ(dump_of(on), dump_of(off));
    for (const char* file : {"/last.safetensors", "/best.safetensors"}) {
      EXPECT_GT(read_text(on + file).size(), 1000u);
      EXPECT_TRUE(read_text(on + file) == read_text(off + file)) << file;
    }
    EXPECT_NE(note(on).find(recorded + " is one graph of "), std::string::npos) << note(on);
    EXPECT_EQ(note(off), "0: steps are launched kernel by kernel, because --graph is off");
  }
  Scratch scratch;

 private:
  int runs_ = 0;
};

using DigitsGraphOnGpu = GraphOnGpu;

TEST_F(DigitsGraphOnGpu, TheReferenceNetworkLearnsTheSameToTheBit) {
  expect_the_same_bits("train_mnist --synthetic 60 --epochs 2 --batch-size 8 --momentum 0.9", "2: a step of 8 digits");
}

TEST_F(DigitsGraphOnGpu, SoDoesTheMlpWithAdamUnwatched) {
  expect_the_same_bits(
      "train_mnist --synthetic 60 --epochs 3 --batch-size 16 --model mlp --optimizer adam --watch none",
      "2: a step of 16 digits");
}

// A resumed run records anew.
TEST_F(DigitsGraphOnGpu, AResumedRunContinuesToTheBit) {
  const std::string command = "train_mnist --synthetic 60 --batch-size 16 --model mlp --momentum 0.9 --epochs ";
  const std::string straight = train(command + "3", "on"), run = train(command + "2", "on");
  const Outcome outcome = run_command(command + "3 --quiet --device cuda --graph on --resume --run-dir " + run);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(read_text(run + "/last.safetensors") == read_text(straight + "/last.safetensors"));
  EXPECT_NE(note(run).find("10: a step of 16 digits is one graph of "), std::string::npos) << note(run);
}

// A step fits, and a graph that keeps its memory does not.
TEST_F(DigitsGraphOnGpu, ASmallGpuLaunchesItsSteps) {
  const std::string command = "train_mnist --synthetic 60 --batch-size 16 --model mlp --epochs 2";
  setenv("HEARTBEAT_GPU_MEMORY", "6000000", 1);
  const std::string small = train(command, "auto");
  unsetenv("HEARTBEAT_GPU_MEMORY");
  EXPECT_EQ(note(small).find("2: steps are launched kernel by kernel, because the GPU is out of memory: "), 0u)
      << note(small);
  EXPECT_TRUE(read_text(small + "/last.safetensors") == read_text(train(command, "on") + "/last.safetensors"));
}

TEST_F(DigitsGraphOnGpu, WhatCannotBeRecordedSaysWhy) {
  const std::string command = "train_mnist --quiet --synthetic 60 --epochs 1 --batch-size 30 --model mlp ";
  const std::string run = train(command + "--break variance-up", "auto");
  EXPECT_EQ(note(run),
            "0: steps are launched kernel by kernel, because --break=variance-up changes the gradients on "
            "the host");
  expect_one_sentence(
      "train_mnist",
      run_command(command + "--graph on --device cuda --break variance-up --run-dir " + scratch.file("refused")), 2,
      "--graph on: a step cannot be recorded, because --break=variance-up changes the gradients");
  expect_one_sentence("train_mnist", run_command(command + "--graph on --device cpu --run-dir " + scratch.file("cpu")),
                      2, "--graph on: a step cannot be recorded, because the run is on the cpu");
}

// Batches of one protein each, of three lengths: with dropout and noise that differ at every step, and other labels.
class ContactsGraphOnGpu : public GraphOnGpu {
 protected:
  void SetUp() override {
    GraphOnGpu::SetUp();
    DatasetWriter writer(data, "{}");
    for (int n = 0; n < 8; ++n) {
      const std::string id = "p" + std::to_string(n);
      Protein protein = random_protein(id, n == 7 ? std::vector<long>{4, 3} : std::vector<long>{5 + n % 2}, n, 0.4);
      if (n == 0) protein.split = "validation";
      writer.add({id, 1, 1, 1}, {protein}, {});
    }
    writer.finish();
  }
  const std::string data = scratch.file("contacts.db");
};

TEST_F(ContactsGraphOnGpu, AModelLearnsTheSameToTheBit) {
  expect_the_same_bits("train_contacts --data " + data +
                           " --max-steps 24 --eval-steps 24 --pairs-per-batch 20 --noise-module on --dropout 0.1",
                       " residues");
}

TEST_F(ContactsGraphOnGpu, SoDoesAnUnwatchedOne) {
  expect_the_same_bits("train_contacts --data " + data +
                           " --max-steps 22 --eval-steps 22 --pairs-per-batch 20 --watch none --trunk none",
                       " residues");
}

// An encoder that walks on a graph of its own builds it anew for each batch.
TEST_F(ContactsGraphOnGpu, WhatTheHostBuildsForEachBatchCannotBeRecorded) {
  const std::string reason = "because the step brings an array to the GPU for the first time",
                    command = "train_contacts --data " + data +
                              " --max-steps 12 --eval-steps 12 --pairs-per-batch 20 --encoder gcn --trunk none";
  const std::string run = train(command, "auto");
  EXPECT_NE(note(run).find(": steps are launched kernel by kernel, " + reason), std::string::npos) << note(run);
  expect_one_sentence("train_contacts",
                      run_command(command + " --quiet --device cuda --graph on --run-dir " + scratch.file("refused")),
                      2, "--graph on: a step cannot be recorded, " + reason);
}

}  // namespace
}  // namespace heartbeat::testing
