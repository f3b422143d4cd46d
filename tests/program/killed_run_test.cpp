// A trainer killed at any moment, with two viewers looking on: its log can be read, and lacks a second at most.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>

#include "graph/sqlite.h"
#include "kernels/common/error.h"
#include "tests/support/runs.h"
#include "tests/support/started.h"
#include "tools/common/clock.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;
using std::chrono::milliseconds;

constexpr double kMayLose = 1;  // seconds

// How late this machine wakes who asked for 5 ms, in seconds: what no program here can help.
class Lateness {
 public:
  Lateness() : thread_([this] { watch(); }) {}
  ~Lateness() {
    done_ = true;
    thread_.join();
  }
  double worst() const { return worst_; }

 private:
  void watch() {
    while (!done_) {
      const auto start = Clock::now();
      std::this_thread::sleep_for(milliseconds(5));
      worst_ = std::max<double>(worst_, seconds_since(start) - 0.005);
    }
  }
  std::atomic<double> worst_ = 0;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

bool readable(const std::string& run) {
  try {
    return !RunReader(run).steps().empty();
  } catch (const UserError&) {
    return false;  // its tables are still to come
  }
}

// Every step is there once and whole, but for the last one, and so is the file.
void expect_whole(const std::string& run) {
  sqlite::Database db(run + "/run.db", SQLITE_OPEN_READONLY);
  sqlite::Statement check(db, "PRAGMA integrity_check");
  ASSERT_TRUE(check.step());
  EXPECT_EQ(check.text(0), "ok");
  const RunReader reader(run);
  const std::vector<StepRow> steps = reader.steps();
  for (size_t k = 0; k < steps.size(); ++k) ASSERT_EQ(steps[k].step, long(k) + 1);
  std::map<long, size_t> rows;
  reader.watch({}, [&](const WatchRow& row) { ++rows[row.step]; });
  for (size_t k = 0; k + 1 < steps.size(); ++k)
    ASSERT_EQ(rows[steps[k].step], 3 * reader.tensors().size()) << "step " << steps[k].step;  // each quantity
}

TEST(KilledRun, LosesASecondOfItsLogAtMost) {
  setenv("OMP_NUM_THREADS", "1", 1);
  setenv("OMP_WAIT_POLICY", "passive", 1);
  const Scratch scratch;
  const std::string flags = " --quiet --model mlp --batch-size 100 --tensorboard off --data ";
  ASSERT_EQ(
      run_command("train_mnist --synthetic 1200 --epochs 1 --model mlp --quiet --run-dir " + scratch.file("first"))
          .code,
      0);
  const std::string digits = scratch.file("first/digits");

  constexpr int kMoments = 50;
  constexpr unsigned kSeed = 17;
  std::mt19937 engine(kSeed);
  std::uniform_int_distribution moment(0, 1400);  // ms: before, at and after the first commits
  double worst = 0;
  long dumps = 0;
  for (int k = 0; k < kMoments; ++k) {
    SCOPED_TRACE(::testing::Message() << "moment " << k << " of seed " << kSeed);
    const std::string run = scratch.file("run" + std::to_string(k));
    const Lateness lateness;
    const Started trainer("train_mnist --epochs 100000 --run-dir " + run + flags + digits);
    while (!trainer.ended() && !readable(run)) std::this_thread::sleep_for(milliseconds(2));
    Started top("heartbeat top " + run);
    const auto until = Clock::now() + milliseconds(moment(engine));
    do {
      const Outcome dump = run_command("heartbeat dump --csv --steps 1:3 " + run);
      EXPECT_EQ(dump.code, 0) << dump.err;
      ++dumps;
    } while (Clock::now() < until);
    ASSERT_FALSE(trainer.ended());
    EXPECT_FALSE(top.ended());  // it looks on
    const double killed = wall_time();
    trainer.signal(SIGKILL);
    while (!trainer.ended()) std::this_thread::sleep_for(milliseconds(1));

    expect_whole(run);
    const double lost = killed - RunReader(run).steps().back().wall_time;
    EXPECT_LT(lost, kMayLose + lateness.worst());
    worst = std::max(worst, lost);
    top.signal(SIGINT);
    const int left = top.end().code;
    EXPECT_TRUE(left == 0 || left == 128 + SIGINT) << left;  // the second before it listens to signals
    const Outcome seen = run_command("heartbeat top --once " + run);
    EXPECT_EQ(seen.code, 0) << seen.err;
    EXPECT_EQ(seen.out.rfind("step " + std::to_string(RunReader(run).steps().back().step) + " ", 0), 0u) << seen.out;
    if (::testing::Test::HasFatalFailure()) return;
    fs::remove_all(run);
  }
  std::printf("at most %.2f s of log lost in %d kills, %ld dumps beside the writer\n", worst, kMoments, dumps);
}

}  // namespace
}  // namespace heartbeat
