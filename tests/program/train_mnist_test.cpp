// train_mnist as its user meets it: the program is started, stopped, continued and misused.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "nn/checkpoint.h"
#include "tests/support/idx_files.h"
#include "tests/support/runs.h"
#include "tests/support/started.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;

// 600 digits in batches of 60, ten steps an epoch, where more does not say otherwise.
std::string small(const std::string& more) {
  std::string flags = " --quiet --test-batch-size 64 ";
  for (const char* flag : {"--synthetic 600 ", "--batch-size 60 ", "--lr 0.1 "})
    if (const std::string text = flag; more.find(text.substr(0, text.find(' ') + 1)) == std::string::npos)
      flags += text;
  return flags + more;
}
constexpr const char* kTwo = " --epochs 2 ";

// One run that others are compared with.
struct DigitRuns {
  DigitRuns() {
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    trained = run_command("train_mnist --run-dir " + straight + small(kTwo));
  }
  Scratch scratch;
  std::string straight = scratch.file("straight");
  Outcome trained;
};

class TrainMnist : public ::testing::Test {
 protected:
  static void expect_one_sentence(const Outcome& outcome, int code, const std::string& part) {
    testing::expect_one_sentence("train_mnist", outcome, code, part);
  }
  static const DigitRuns& shared() {
    static const DigitRuns shared;
    return shared;
  }
  void SetUp() override { ASSERT_EQ(shared().trained.code, 0) << shared().trained.err; }

  std::string command(const std::string& more) const { return "train_mnist --run-dir " + run + small(more); }
  Outcome train(const std::string& more) const { return run_command(command(more)); }
  void expect_as_straight() const {
    for (const char* file : {"/last.safetensors", "/best.safetensors"})
      EXPECT_TRUE(read_text(run + file) == read_text(shared().straight + file)) << file << " differs";
    EXPECT_TRUE(dump_of(run) == dump_of(shared().straight)) << "the logs differ";
  }

  Scratch scratch;
  std::string run = scratch.file("run");
};

TEST_F(TrainMnist, TheSameSeedWritesTheSameBytesOnAnyNumberOfThreads) {
  ASSERT_EQ(train(kTwo).code, 0);
  expect_as_straight();
  fs::remove_all(run);
  setenv("OMP_NUM_THREADS", "2", 1);
  const Outcome two = train(kTwo);
  setenv("OMP_NUM_THREADS", "1", 1);
  ASSERT_EQ(two.code, 0);
  EXPECT_NE(two.out.find("2 threads"), std::string::npos) << two.out;
  expect_as_straight();
  fs::remove_all(run);
  ASSERT_EQ(train(std::string(kTwo) + "--seed 18").code, 0);
  EXPECT_NE(values(run, "train/loss"), values(shared().straight, "train/loss"));
}

TEST_F(TrainMnist, SaysWhatItDoesAndLogsIt) {
  for (const char* part : {"600 digits from strokes; test 100", "436190 parameters: conv1.weight", "10 steps an epoch",
                           "2 epochs on the cpu, 1 threads", "epoch   1  train loss", "test accuracy",
                           "heartbeat: ", "Next: heartbeat report"})
    EXPECT_NE(shared().trained.out.find(part), std::string::npos) << part << "\n" << shared().trained.out;
  const RunReader log(shared().straight);
  EXPECT_EQ(log.meta().at("program"), "train_mnist");
  EXPECT_EQ(log.meta().at("threads"), "1");
  EXPECT_NE(log.meta().at("config").find("momentum=0"), std::string::npos) << log.meta().at("config");
  ASSERT_EQ(log.notes().size(), 1u);
  EXPECT_EQ(log.notes()[0].key + " " + log.notes()[0].value, "outcome finished");
  EXPECT_EQ(log.steps().size(), 20u);
  EXPECT_EQ(values(shared().straight, "train/loss").size(), 20u);
  EXPECT_EQ(values(shared().straight, "test/loss").size(), 2u);
  EXPECT_EQ(values(shared().straight, "test/accuracy").size(), 2u);
  EXPECT_NEAR(values(shared().straight, "train/loss")[0], std::log(10), 0.15);
  EXPECT_LT(values(shared().straight, "train/loss")[19], 2.2);  // it has begun to learn
  std::set<std::string> names;
  for (const TensorRow& t : log.tensors()) names.insert(t.name);
  EXPECT_EQ(names.size(), 10u);
  EXPECT_TRUE(names.count("rand_fc.weight"));
  long rows = 0;
  log.watch({}, [&](const WatchRow&) { ++rows; });
  EXPECT_EQ(rows, 20 * 10 * 3);
}

TEST_F(TrainMnist, TheReportReadsItsRuns) {
  const Outcome outcome = run_command("heartbeat report " + shared().straight + " -o " + scratch.file("report.html"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(read_text(scratch.file("report.html")).find("test/accuracy"), std::string::npos);
}

TEST_F(TrainMnist, CtrlCSavesAndResumeContinuesToTheBit) {
  Started program(command(kTwo));
  ASSERT_TRUE(program.wrote(run + "/best.safetensors"));
  program.signal(SIGINT);
  expect_one_sentence(program.end(), 130, "and saved; continue with --resume");
  EXPECT_LT(RunReader(run).steps().size(), 20u);
  expect_one_sentence(train(kTwo), 2, "already holds a run");
  const std::string resume = std::string(kTwo) + "--resume ";
  expect_one_sentence(train(resume + "--seed 3"), 2, "the run has seed 17, but the options ask for 3");
  expect_one_sentence(train(resume + "--model mlp"), 2, "is a model");
  expect_one_sentence(train(resume + "--noise-module off"), 2, "is a model");
  expect_one_sentence(train(resume + "--batch-size 50"), 2, "batches of 60");
  expect_one_sentence(train(resume + "--synthetic 660"), 2, "trained on other digits");
  expect_one_sentence(train(resume + "--momentum 0.9"), 2, "momentum_buffer");
  ASSERT_EQ(train(resume).code, 0);
  expect_as_straight();
  expect_one_sentence(train(resume), 2, "is finished after 2 epochs");
  expect_one_sentence(train(kTwo), 2, "already holds a run");
  expect_as_straight();
}

TEST_F(TrainMnist, AKilledRunContinuesFromItsLastSave) {
  Started program(command(kTwo));
  ASSERT_TRUE(program.wrote(run + "/best.safetensors"));
  program.signal(SIGKILL);
  EXPECT_EQ(program.end().code, 128 + SIGKILL);
  ASSERT_EQ(train(std::string(kTwo) + "--resume").code, 0);
  expect_as_straight();
}

TEST_F(TrainMnist, AProbeChangesNothingThatIsTrained) {
  const Outcome outcome = train(std::string(kTwo) + "--probe 3");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* file : {"/last.safetensors", "/best.safetensors"})
    EXPECT_TRUE(read_text(run + file) == read_text(shared().straight + file)) << file << " differs";
  for (const char* name : {"loss_ratio", "blank_gain", "leak", "signal", "noise", "alpha"})
    EXPECT_EQ(values(run, std::string("probe/") + name).size(), 6u) << name;
  EXPECT_NEAR(values(run, "probe/loss_ratio")[0], 1, 1e-4);
  EXPECT_EQ(values(run, "probe/leak")[0], 0);
}

TEST_F(TrainMnist, ChecksTakeThePlaceOfATraining) {
  const Outcome outcome = train("--model mlp --gradcheck --verify 3 --overfit-batch 30");
  EXPECT_EQ(outcome.code, 0) << outcome.err << outcome.out;
  for (const char* part : {"gradient  4 tensors in f64", "3 steps twice from one seed: the same to the bit",
                           "30 steps on one batch bring its loss from 2.3"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
  EXPECT_TRUE(RunReader(run).steps().empty());
  EXPECT_EQ(run_command("heartbeat doctor " + run).code, 0);
  fs::remove_all(run);
  const Outcome still = train("--model mlp --overfit-batch 30 --lr 1e-9");
  EXPECT_EQ(still.code, 11) << still.out;
  EXPECT_NE(still.out.find("doctor: E R35"), std::string::npos) << still.out;
  EXPECT_EQ(run_command("heartbeat doctor " + run).code, 11);
  EXPECT_EQ(run_command("heartbeat doctor " + run + " --silence R35").code, 0);
}

TEST_F(TrainMnist, MistakesInFlagsGetOneSentence) {
  const std::string config = scratch.file("config.toml"), unknown = scratch.file("unknown.toml");
  std::ofstream(config) << "epochs = 1\nwatch = \"none\"\nmodel = \"mlp\"\n";
  std::ofstream(unknown) << "colour = \"red\"\n";
  expect_one_sentence(run_command("train_mnist"), 2, "--run-dir");
  for (const auto& [flags, part] :
       std::vector<std::pair<std::string, std::string>>{{"--colour", "--colour"},
                                                        {"--lr nan", "--lr must be"},
                                                        {"--lr 0", "--lr must be"},
                                                        {"--lr fast", "--lr"},
                                                        {"--batch-size 0", "--batch-size must be"},
                                                        {"--test-batch-size -1", "--test-batch-size must be"},
                                                        {"--epochs 0", "--epochs must be"},
                                                        {"--momentum 1", "--momentum must be"},
                                                        {"--momentum nan", "--momentum must be"},
                                                        {"--momentum 0.9 --optimizer adam", "--momentum is for"},
                                                        {"--weight-decay inf", "--weight-decay must be"},
                                                        {"--optimizer adagrad", "--optimizer"},
                                                        {"--model resnet", "--model"},
                                                        {"--noise-module maybe", "--noise-module"},
                                                        {"--synthetic 3", "--synthetic"},
                                                        {"--precision bf16", "is for train_contacts"},
                                                        {"--watch-every 0", "--watch-every must be"},
                                                        {"--probe -1", "--probe must be"},
                                                        {"--verify -1", "--verify must be"},
                                                        {"--gradcheck --resume", "leave out --resume"},
                                                        {"--device cuda", "--device cuda: this build has no CUDA"},
                                                        {"--resume", "last.safetensors does not exist"},
                                                        {"--data /no/such/folder", "/no/such/folder is no folder"},
                                                        {"--config /no/such.toml", "/no/such.toml"},
                                                        {"--config " + unknown, "colour"}})
    expect_one_sentence(run_command("train_mnist --quiet --run-dir " + run + " " + flags), 2, part);
  EXPECT_FALSE(fs::exists(run));
  const Outcome by_config = train("--config " + config);
  EXPECT_EQ(by_config.code, 0) << by_config.err;
  EXPECT_NE(by_config.out.find("101770 parameters"), std::string::npos) << by_config.out;
  EXPECT_EQ(RunReader(run).steps().size(), 10u);
}

TEST_F(TrainMnist, MistakesInFilesGetOneSentence) {
  const auto data = [&](const IdxFolder& folder) {
    return run_command("train_mnist --quiet --run-dir " + run + " --data " + folder.path());
  };
  {
    const IdxFolder folder;
    const std::string images = folder.bytes(kTrainImages);
    folder.write_plain(kTrainImages, folder.bytes(kTrainLabels));
    folder.write_plain(kTrainLabels, images);
    expect_one_sentence(data(folder), 2, "are the two files swapped?");
  }
  {
    const IdxFolder folder;
    fs::resize_file(folder.zipped(kTestImages), 500);
    expect_one_sentence(data(folder), 2, "t10k-images-idx3-ubyte.gz: cannot be read to its end");
  }
  {
    const IdxFolder folder;
    folder.change(kTestLabels, 8, 10);
    expect_one_sentence(data(folder), 2, "label 10 of image 0 is above 9");
  }
  EXPECT_FALSE(fs::exists(run));
  const IdxFolder folder(70, 30);
  const Outcome outcome = run_command("train_mnist --quiet --epochs 1 --run-dir " + run + " --data " + folder.path());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("70 digits from " + folder.path()), std::string::npos) << outcome.out;
  EXPECT_EQ(RunReader(run).steps().size(), 2u);  // 64 and the six that are left
}

TEST_F(TrainMnist, EveryRecipeTrains) {
  for (const char* flags :
       {"--noise-module off", "--model mlp", "--optimizer adam --lr 0.001", "--momentum 0.9 --lr 0.01",
        "--weight-decay 0.001", "--watch none", "--watch gradients --watch-filter rand_fc*"}) {
    SCOPED_TRACE(flags);
    fs::remove_all(run);
    const Outcome outcome = train(std::string("--epochs 1 ") + flags);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (double loss : values(run, "train/loss")) EXPECT_TRUE(std::isfinite(loss));
  }
  long rows = 0;
  RunReader(run).watch({}, [&](const WatchRow&) { ++rows; });
  EXPECT_EQ(rows, 10 * 2);  // the last one: two tensors of rand_fc, their gradients only
}

TEST_F(TrainMnist, ALossThatIsNoNumberIsTold) {
  const Outcome outcome = train("--epochs 1 --lr 1e12");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("no later step can mend that"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("no test gave numbers"), std::string::npos) << outcome.out;
}

TEST_F(TrainMnist, HelpTeaches) {
  const Outcome outcome = run_command("train_mnist --help");
  EXPECT_EQ(outcome.code, 0);
  for (const char* part : {"--data", "--resume", "--watch", "heartbeat report", "Ctrl-C", "fetch_data.sh", "0.01"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace heartbeat
