// train_contacts as its user meets it: the program is started, stopped, continued and misused.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "graph/dataset.h"
#include "graph/sqlite.h"
#include "nn/checkpoint.h"
#include "tests/support/proteins.h"
#include "tests/support/runs.h"
#include "tests/support/started.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;

constexpr const char* kSmall = " --quiet --crop 48 --pairs-per-batch 2000 ";
constexpr const char* kTwelve = " --max-steps 12 --eval-steps 3 ";

// Twelve synthetic proteins, prepared once, and one run of twelve steps that others are compared with.
struct ContactRuns {
  ContactRuns() {
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    const Outcome made = run_command("make_proteins --count 12 --min-length 40 --max-length 56 --out " + proteins);
    const Outcome prepared = run_command("prepare_contacts --quiet --structures " + proteins + " --out " + data);
    const Outcome trained = run_command("train_contacts --data " + data + " --run-dir " + straight + kSmall + kTwelve);
    good = made.code == 0 && prepared.code == 0 && trained.code == 0;
    complaint = made.err + prepared.err + trained.err;
    out = trained.out;
  }
  Scratch scratch;
  std::string proteins = scratch.file("proteins"), data = scratch.file("contacts.db"),
              straight = scratch.file("straight");
  bool good = false;
  std::string complaint, out;
};

class TrainContacts : public ::testing::Test {
 protected:
  static void expect_one_sentence(const Outcome& outcome, int code, const std::string& part) {
    testing::expect_one_sentence("train_contacts", outcome, code, part);
  }
  static const ContactRuns& shared() {
    static const ContactRuns shared;
    return shared;
  }
  void SetUp() override { ASSERT_TRUE(shared().good) << shared().complaint; }

  std::string command(const std::string& more, const std::string& data = "") const {
    return "train_contacts --data " + (data.empty() ? shared().data : data) + " --run-dir " + run + kSmall + more;
  }
  Outcome train(const std::string& more, const std::string& data = "") const {
    return run_command(command(more, data));
  }
  void expect_equal_checkpoints() const {
    for (const char* file : {"/last.safetensors", "/best.safetensors"})
      EXPECT_TRUE(read_text(run + file) == read_text(shared().straight + file)) << file << " differs";
  }
  void expect_as_straight() const {
    expect_equal_checkpoints();
    EXPECT_TRUE(dump_of(run) == dump_of(shared().straight)) << "the logs differ";
  }

  Scratch scratch;
  std::string run = scratch.file("run");
};

TEST_F(TrainContacts, TheSameSeedWritesTheSameBytesOnAnyNumberOfThreads) {
  ASSERT_EQ(train(kTwelve).code, 0);
  expect_as_straight();
  fs::remove_all(run);
  setenv("OMP_NUM_THREADS", "2", 1);
  const Outcome two = train(kTwelve);
  setenv("OMP_NUM_THREADS", "1", 1);
  ASSERT_EQ(two.code, 0);
  EXPECT_NE(two.out.find("2 threads"), std::string::npos) << two.out;
  expect_as_straight();
  fs::remove_all(run);
  ASSERT_EQ(train(std::string(kTwelve) + "--seed 18").code, 0);
  EXPECT_NE(values(run, "train/loss"), values(shared().straight, "train/loss"));
}

TEST_F(TrainContacts, SaysWhatItDoesAndLogsIt) {
  for (const char* part : {"data   ", "369896 parameters: encoder 125376", "up to 2000 pairs", "on the cpu, 1 threads"})
    EXPECT_NE(shared().out.find(part), std::string::npos) << part << "\n" << shared().out;
  const RunReader log(shared().straight);
  EXPECT_EQ(log.meta().at("device"), "cpu");
  EXPECT_EQ(log.meta().at("threads"), "1");
  ASSERT_FALSE(log.notes().empty());
  EXPECT_EQ(log.notes().back().key + " " + log.notes().back().value, "outcome finished");
  EXPECT_EQ(log.steps().size(), 12u);
  EXPECT_EQ(values(shared().straight, "valid/loss").size(), 4u);  // at 3, 6, 9 and 12
  double sum = 0;
  for (const Channel& channel : kChannelTable) {
    const auto parts = values(shared().straight, std::string("train/loss/") + channel.name);
    if (!parts.empty()) sum += parts[0];
  }
  EXPECT_NEAR(sum, values(shared().straight, "train/loss")[0], 1e-6);
  const std::string dump = dump_of(shared().straight);
  for (const char* part : {"wall_time", "time/step", "threads", "run_id"})
    EXPECT_EQ(dump.find(part), std::string::npos) << part;
}

TEST_F(TrainContacts, CtrlCSavesAndResumeContinuesToTheBit) {
  Started program(command(kTwelve));
  ASSERT_TRUE(program.wrote(run + "/best.safetensors"));
  program.signal(SIGINT);
  expect_one_sentence(program.end(), 130, "and saved; continue with --resume");
  EXPECT_LT(RunReader(run).steps().size(), 12u);
  EXPECT_GE(RunReader(run).steps().size(), 3u);
  nn::read_checkpoint(run + "/last.safetensors");
  expect_one_sentence(train(kTwelve), 2, "already holds a run");
  const Outcome other = train(std::string(kTwelve) + "--resume --seed 3");
  expect_one_sentence(other, 2, "the run has seed 17, but the options ask for 3");
  expect_one_sentence(train(std::string(kTwelve) + "--resume --size S"), 2, "is a model");
  ASSERT_EQ(train(std::string(kTwelve) + "--resume").code, 0);
  expect_as_straight();
  const std::string before = read_text(run + "/last.safetensors");
  expect_one_sentence(train(std::string(kTwelve) + "--resume"), 2, "is finished after 12 steps");
  EXPECT_TRUE(read_text(run + "/last.safetensors") == before);
  expect_as_straight();
}

TEST_F(TrainContacts, ASecondCtrlCEndsAtOnce) {
  // A step or a save of this takes longer than the test waits.
  Started program("train_contacts --quiet --size M --crop 0 --pairs-per-batch 1000000 --max-steps 100 --data " +
                  shared().data + " --run-dir " + run);
  ASSERT_TRUE(program.wrote(run + "/last.safetensors"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  // A signal that finds one of its kind pending is lost, and a busy machine may let the program wait: sent until heard.
  for (int k = 0; k < 100 && !program.ended(); ++k) {
    program.signal(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const Outcome outcome = program.end();
  EXPECT_EQ(outcome.code, 130);
  EXPECT_EQ(outcome.err, "");  // no time for sentences
}

TEST_F(TrainContacts, AKilledRunContinuesFromItsLastSave) {
  Started program(command(kTwelve));
  ASSERT_TRUE(program.wrote(run + "/best.safetensors"));
  program.signal(SIGKILL);
  EXPECT_EQ(program.end().code, 128 + SIGKILL);
  EXPECT_FALSE(RunReader(run).scalars().empty());
  nn::read_checkpoint(run + "/last.safetensors");
  ASSERT_EQ(train(std::string(kTwelve) + "--resume").code, 0);
  expect_as_straight();
}

TEST_F(TrainContacts, AFullDiskLosesNothing) {
  const std::string disk = scratch.file("disk");
  run = disk + "/run";
  fs::create_directory(disk);
  struct Case {
    const char *size, *flags, *part;
  };
  // Room for last.safetensors, 6.9 MB, and then for ten steps of log, or for nine of them and no second checkpoint.
  for (const Case& c : {Case{"size=10m", "--max-steps 60 --eval-minutes 0", "could not be written"},
                        Case{"size=11m", kTwelve, "last.safetensors was not saved"}}) {
    SCOPED_TRACE(c.size);
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, c.size) != 0) GTEST_SKIP() << "mounting a small disk needs root";
    expect_one_sentence(train(c.flags), 2, c.part);
    EXPECT_NO_THROW(nn::read_checkpoint(run + "/last.safetensors"));
    EXPECT_NO_THROW(RunReader(run).steps());
    EXPECT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=40m"), 0);
    const Outcome resumed = train(std::string(kTwelve) + "--resume");
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    expect_equal_checkpoints();
    if (c.flags == kTwelve) {
      EXPECT_TRUE(dump_of(run) == dump_of(shared().straight)) << "the logs differ";
    }
    umount(disk.c_str());
  }
}

TEST_F(TrainContacts, MistakesGetOneSentence) {
  const std::string text = scratch.file("text"), other = scratch.file("other.db"), lonely = scratch.file("lonely.db");
  std::ofstream(text) << "this is a text, and no database at all, however long one looks at it: it has no header\n";
  fs::copy_file(shared().data, other);
  sqlite::Database(other, SQLITE_OPEN_READWRITE).execute("UPDATE meta SET value = 99 WHERE key = 'format_version'");
  {
    DatasetWriter writer(lonely, "{}");
    writer.add({"only", 1, 1, 1}, {random_protein("only", {40})}, {});
    writer.finish();
  }
  const std::string config = scratch.file("config.toml"), unknown = scratch.file("unknown.toml");
  std::ofstream(config) << "lr = 0.001\nmax-steps = 1\nwatch = \"none\"\n";
  std::ofstream(unknown) << "lr = 0.001\ncolour = \"red\"\n";

  expect_one_sentence(train("", "/no/such.db"), 2, "/no/such.db");
  expect_one_sentence(train("", text), 2, "no heartbeat data set");
  expect_one_sentence(train("", other), 2, "format");
  expect_one_sentence(train("", lonely), 2, "1 training and 0 validation proteins");
  expect_one_sentence(run_command("train_contacts --run-dir " + run), 2, "--data");
  expect_one_sentence(run_command("train_contacts --data " + shared().data), 2, "--run-dir");
  for (const auto& [flags, part] :
       std::vector<std::pair<std::string, std::string>>{{"--colour", "--colour"},
                                                        {"--lr nan", "--lr must be"},
                                                        {"--lr 0", "--lr must be"},
                                                        {"--lr fast", "--lr"},
                                                        {"--lr inf", "--lr must be"},
                                                        {"--clip nan", "--clip must be"},
                                                        {"--weight-decay -1", "--weight-decay must be"},
                                                        {"--max-minutes nan", "--max-minutes must be"},
                                                        {"--max-steps -1", "--max-steps must be"},
                                                        {"--dropout 1", "--dropout must be"},
                                                        {"--pairs-per-batch 0", "--pairs-per-batch must be"},
                                                        {"--crop 5", "--crop must be"},
                                                        {"--crop -1", "--crop must be"},
                                                        {"--watch-every 0", "--watch-every must be"},
                                                        {"--warmup 2", "--warmup is"},
                                                        {"--size XL", "--size"},
                                                        {"--seed -1", "--seed"},
                                                        {"--device cuda", "--device cuda: this build has no CUDA"},
                                                        {"--resume", "last.safetensors does not exist"},
                                                        {"--config /no/such.toml", "/no/such.toml"},
                                                        {"--config " + unknown, "colour"}})
    expect_one_sentence(
        run_command("train_contacts --quiet --data " + shared().data + " --run-dir " + run + " " + flags), 2, part);
  EXPECT_FALSE(fs::exists(run));

  run = text;  // a file
  expect_one_sentence(train("--max-steps 1"), 2, "cannot be made");
  run = "/proc/no/run";
  expect_one_sentence(train("--max-steps 1"), 2, "cannot be made");
  run = scratch.file("by_config");
  const Outcome by_config =
      run_command("train_contacts --data " + shared().data + " --run-dir " + run + kSmall + "--config " + config);
  EXPECT_EQ(by_config.code, 0) << by_config.err;
  EXPECT_EQ(RunReader(run).steps().size(), 1u);
}

TEST_F(TrainContacts, AnotherDataSetIsNoContinuation) {
  const std::string other = scratch.file("other.db");
  {
    DatasetWriter writer(other, "{}");
    for (const char* id : {"a", "b"}) {
      Protein protein = random_protein(id, {40});
      protein.split = *id == 'a' ? "train" : "validation";
      writer.add({id, 1, 1, 1}, {protein}, {});
    }
    writer.finish();
  }
  fs::copy(shared().straight, run);
  expect_one_sentence(train("--max-steps 20 --resume", other), 2, "trained on other proteins");
}

TEST_F(TrainContacts, HelpTeaches) {
  const Outcome outcome = run_command("train_contacts --help");
  EXPECT_EQ(outcome.code, 0);
  for (const char* part : {"--data", "--resume", "--watch", "heartbeat report", "Ctrl-C", "0.002"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

TEST_F(TrainContacts, TheHeartbeatRecordsWhatItIsAskedFor) {
  struct Case {
    const char* flags;
    std::set<Quantity> quantities;
    std::set<long> steps;
    const char* prefix;
  };
  const Quantity gradient = Quantity::gradient, parameter = Quantity::parameter, update = Quantity::update;
  for (const Case& c : {Case{"--watch none", {}, {}, ""}, Case{"--watch gradients", {gradient}, {1, 2, 3, 4}, ""},
                        Case{"--watch-filter head*", {gradient, parameter, update}, {1, 2, 3, 4}, "head"},
                        Case{"--watch-every 3", {gradient, parameter, update}, {1, 4}, ""}}) {
    SCOPED_TRACE(c.flags);
    fs::remove_all(run);
    const Outcome outcome = train(std::string("--max-steps 4 --eval-minutes 0 --clip 0 ") + c.flags);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const RunReader log(run);
    std::set<Quantity> quantities;
    std::set<long> steps;
    log.watch({}, [&](const WatchRow& w) {
      quantities.insert(w.quantity);
      steps.insert(w.step);
      EXPECT_EQ(log.tensors()[w.tensor].name.rfind(c.prefix, 0), 0u) << log.tensors()[w.tensor].name;
    });
    EXPECT_EQ(quantities, c.quantities);
    EXPECT_EQ(steps, c.steps);
    EXPECT_EQ(log.steps().size(), 4u);
  }
}

TEST_F(TrainContacts, EveryModelTrains) {
  for (const char* flags :
       {"--encoder ggn --trunk none", "--encoder gcn", "--tie transpose", "--prior off", "--ema 0", "--clip 0"}) {
    SCOPED_TRACE(flags);
    fs::remove_all(run);
    const Outcome outcome = train(std::string("--max-steps 2 --eval-minutes 0 ") + flags);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (double loss : values(run, "train/loss")) EXPECT_TRUE(std::isfinite(loss));
  }
}

// Half the memory, the same recipe: stopped and continued, on one thread and on two, a run in bf16 writes the same
// bytes.
TEST_F(TrainContacts, Bf16RepeatsAndResumesToTheBitAndItsFilesStayF32) {
  const std::string bf16 = std::string(kTwelve) + "--precision bf16 ";
  const Outcome first = train(bf16);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("stored as bf16"), std::string::npos) << first.out;
  const std::string straight = scratch.file("straight_bf16");
  fs::rename(run, straight);

  setenv("OMP_NUM_THREADS", "2", 1);
  Started program(command(bf16));
  ASSERT_TRUE(program.wrote(run + "/best.safetensors"));
  program.signal(SIGINT);
  expect_one_sentence(program.end(), 130, "and saved; continue with --resume");
  setenv("OMP_NUM_THREADS", "1", 1);
  expect_one_sentence(train(std::string(kTwelve) + "--resume"), 2, "has --precision bf16, but the options ask for f32");
  ASSERT_EQ(train(bf16 + "--resume").code, 0);
  for (const char* file : {"/last.safetensors", "/best.safetensors"})
    EXPECT_TRUE(read_text(run + file) == read_text(straight + file)) << file << " differs";
  EXPECT_TRUE(dump_of(run) == dump_of(straight)) << "the logs differ";

  EXPECT_NE(RunReader(run).meta().at("config").find("precision=\"bf16\""), std::string::npos);
  const nn::Checkpoint saved = nn::read_checkpoint(run + "/last.safetensors");
  for (const nn::NamedTensor& t : saved.tensors) EXPECT_NE(t.tensor.dtype(), Dtype::bf16) << t.name;
  const auto narrow = values(run, "train/loss"), wide = values(shared().straight, "train/loss");
  ASSERT_EQ(narrow.size(), wide.size());
  EXPECT_NE(narrow, wide);
  for (size_t k = 0; k < wide.size(); ++k) EXPECT_NEAR(narrow[k], wide[k], 0.02 * wide[k]) << "step " << k + 1;
}

TEST_F(TrainContacts, Tf32OnTheCpuIsF32AndSaysSo) {
  const Outcome outcome = train(std::string(kTwelve) + "--precision tf32");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("tf32 is f32 on the cpu"), std::string::npos) << outcome.out;
  EXPECT_EQ(values(run, "train/loss"), values(shared().straight, "train/loss"));
}

TEST_F(TrainContacts, RecomputationChangesNoBit) {
  ASSERT_EQ(train(std::string(kTwelve) + "--recompute").code, 0);
  expect_equal_checkpoints();
}

TEST_F(TrainContacts, ComplexesTrain) {
  const std::string data = scratch.file("complexes.db");
  {
    DatasetWriter writer(data, "{}");
    for (const char* id : {"a", "b", "c", "d"}) {
      Protein protein = random_protein(id, {40, 30});
      protein.split = *id == 'd' ? "validation" : "train";
      writer.add({id, 1, 1, 1}, {protein}, {});
    }
    writer.finish();
  }
  const Outcome outcome = train("--max-steps 2", data);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("(3 complexes)"), std::string::npos) << outcome.out;
  EXPECT_FALSE(values(run, "valid/auprc/cb8/inter").empty());
}

TEST_F(TrainContacts, ALossThatIsNoNumberIsTold) {
  const Outcome outcome = train("--max-steps 5 --lr 1e15 --clip 0 --warmup 0 --doctor off");
  expect_one_sentence(outcome, 0, "lower --lr");
  EXPECT_EQ(values(run, "train/loss").size(), 5u);
  const Outcome resumed = train("--max-steps 6 --lr 1e15 --clip 0 --warmup 0 --doctor off --resume");
  expect_one_sentence(resumed, 0, "at step 6");
}

TEST_F(TrainContacts, SixtyStepsLowerTheLoss) {
  const Outcome outcome = train("--max-steps 60 --eval-minutes 0 --watch none");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<double> loss = values(run, "train/loss");
  ASSERT_EQ(loss.size(), 60u);
  double first = 0, last = 0;
  for (int k = 0; k < 10; ++k) first += loss[k] / 10, last += loss[50 + k] / 10;
  EXPECT_LT(last, 0.95 * first);
}

}  // namespace
}  // namespace heartbeat
