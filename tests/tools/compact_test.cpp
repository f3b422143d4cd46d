#include "tools/log/compact.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"
#include "tests/support/fake_run.h"
#include "tools/log/dump.h"
#include "tools/log/run_reader.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

std::vector<WatchRow> rows_of(const std::string& directory) {
  std::vector<WatchRow> rows;
  RunReader(directory).watch({}, [&](const WatchRow& w) { rows.push_back(w); });
  return rows;
}

TEST(Compact, AddsUpOldStepsExactly) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 200, .blocks = 0});
  const auto before = rows_of(scratch / "run");
  const CompactResult result = compact(scratch / "run", 20);
  const auto after = rows_of(scratch / "run");
  EXPECT_EQ(result.rows_before, long(before.size()));
  EXPECT_EQ(result.rows_after, long(after.size()));
  EXPECT_LT(after.size(), before.size() / 2);
  EXPECT_LT(result.bytes_after, result.bytes_before);

  std::map<std::tuple<int, int, long>, long> covered;  // each step is in one row of a tensor and quantity
  for (const WatchRow& row : after) {
    TensorStats sum;
    bool first = true;
    for (const WatchRow& old : before)
      if (old.tensor == row.tensor && old.quantity == row.quantity && old.step >= row.step &&
          old.step <= row.last_step) {
        first ? void(sum = old.stats) : merge(sum, old.stats);
        first = false;
        ++covered[{old.tensor, int(old.quantity), old.step}];
      }
    EXPECT_EQ(sum.bins, row.stats.bins);
    if (sum.finite()) {
      EXPECT_EQ(sum.sum_of_squares, row.stats.sum_of_squares);
    }
    const long width = row.last_step - row.step + 1, age = 200 - row.last_step;
    EXPECT_TRUE(age >= 20 || width == 1) << row.step;
    EXPECT_TRUE(age < 160 || width >= 4 || row.step < 8) << row.step << " " << row.last_step;
  }
  EXPECT_EQ(covered.size(), before.size());
  for (const auto& [key, n] : covered) EXPECT_EQ(n, 1);

  // Everything else stays, doing it again changes nothing, and so does a second reading.
  const CompactResult again = compact(scratch / "run", 20);
  EXPECT_EQ(again.rows_after, again.rows_before);
  const RunReader run(scratch / "run");
  EXPECT_EQ(run.steps().size(), 200u);
  EXPECT_EQ(run.images().size(), 4u * 8);
  EXPECT_FALSE(std::filesystem::exists(scratch / "run/run.db.merged"));
}

TEST(Compact, OfAResumedRun) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", fake_meta(), log_only());
    write_fake_steps(log, {.steps = 60, .blocks = 0, .stop_after = 40});
    log.close();
    RunLog second = RunLog::resume(scratch / "run", 30, log_only());
    write_fake_steps(second, {.steps = 60, .blocks = 0, .first_step = 31});
    second.close();
  }
  write_fake_run(scratch / "whole", {.steps = 60, .blocks = 0});
  compact(scratch / "run", 8);
  compact(scratch / "whole", 8);
  const auto a = rows_of(scratch / "run"), b = rows_of(scratch / "whole");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].step, b[k].step);
    EXPECT_EQ(a[k].last_step, b[k].last_step);
    EXPECT_EQ(a[k].stats.bins, b[k].stats.bins);
  }
  // And it can be resumed once more.
  RunLog third = RunLog::resume(scratch / "run", 60, log_only());
  third.scalar(61, "train/loss", 1);
  third.close();
  EXPECT_EQ(rows_of(scratch / "run").size(), a.size());
}

TEST(Compact, NotWhileTheRunIsWritten) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", fake_meta(), log_only());
    write_fake_steps(log, {.steps = 30, .blocks = 0});
    log.flush();
    EXPECT_THROW(compact(scratch / "run", 5), UserError);
    log.scalar(31, "train/loss", 1);  // the trainer goes on
    log.close();
  }
  EXPECT_EQ(rows_of(scratch / "run").size(), 30u * 3 * 4);
  EXPECT_GT(compact(scratch / "run", 5).rows_before, 0);
  EXPECT_THROW(compact(scratch / "nothing", 5), UserError);
}

}  // namespace
}  // namespace heartbeat
