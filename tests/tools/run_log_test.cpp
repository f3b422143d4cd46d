#include "tools/log/run_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "kernels/common/error.h"
#include "tests/support/fake_run.h"
#include "tools/log/bins.h"
#include "tools/log/run_reader.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class Call>
std::string sentence_of(const Call& call) {
  try {
    call();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

std::vector<WatchRow> watch_rows(const RunReader& reader, StepRange range = {}) {
  std::vector<WatchRow> rows;
  reader.watch(range, [&](const WatchRow& row) { rows.push_back(row); });
  return rows;
}

TEST(Bins, CodeIsTheWrittenOne) {
  TensorStats s;
  s.bins[0] = 1, s.bins[130] = 200, s.bins[131] = 1, s.bins[kNanBin] = 9;
  std::vector<std::uint8_t> bytes;
  encode_bins(s, bytes);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0, 1, 0x82, 0x01, 0xc8, 0x01, 1, 1}));
}

TEST(Bins, DecodeReturnsWhatWasEncodedAndRefusesTheRest) {
  std::mt19937_64 engine(3);
  std::vector<std::uint8_t> bytes;
  for (int round = 0; round < 200; ++round) {
    TensorStats s, back;
    for (int k = 0; k < int(engine() % 40); ++k) s.bins[engine() % kNanBin] = engine() >> (8 + engine() % 56);
    encode_bins(s, bytes);
    ASSERT_TRUE(decode_bins(bytes, back));
    EXPECT_EQ(back.bins, s.bins);
    if (!bytes.empty()) {
      bytes.pop_back();
      TensorStats cut;
      EXPECT_TRUE(!decode_bins(bytes, cut) || cut.bins != s.bins);
    }
  }
  TensorStats s;
  for (const std::vector<std::uint8_t>& bad : {std::vector<std::uint8_t>{1},
                                               {0x80},
                                               {1, 0},                 // an empty bin is not written
                                               {1, 1, 0, 1},           // the same bin twice
                                               {0x85, 0x02, 1},        // index 261
                                               {0x84, 0x02, 1, 1, 1},  // 260, then 261
                                               std::vector<std::uint8_t>(12, 0xff)})
    EXPECT_FALSE(decode_bins(bad, s));
}

TEST(RunLog, GivesBackWhatWasWritten) {
  const ScratchDirectory scratch;
  const std::string dir = scratch / "run";
  const std::vector<double> values = {-1, 0, 0.5, NAN, INFINITY, -INFINITY, 1e-50, 0x1p30};
  {
    RunLog log(dir, {{"seed", "17"}}, log_only());
    log.tensors({{"conv.weight", {4, 2}, "f32", "tied.weight", true, "all"}, {"conv.bias", {}, "f64"}});
    log.step({1, 0.25, {0.1, NAN}, 0.5, 1024, true});
    log.watch(1, Quantity::gradient, {stats_of(values), stats_of(std::vector<double>{NAN})});
    log.watch(1, Quantity::update, {});
    log.scalar(1, "b", NAN);
    log.scalar(1, "a", -INFINITY);
    log.scalar(1, "c", 1.0 / 3);
    log.image(1, "maps/x", 2, 1, {0, 255});
    log.note(1, "outcome", "finished");
    log.alert({"R01", "F", "conv.weight", 1, 1, NAN, 0, "loss is NaN", "lower lr"});
    log.close();
  }
  const RunReader reader(dir);
  EXPECT_EQ(reader.meta().at("seed"), "17");
  EXPECT_EQ(reader.meta().at("format_version"), "1");
  EXPECT_EQ(reader.generations(), 1);
  ASSERT_EQ(reader.tensors().size(), 2u);
  EXPECT_EQ(reader.tensors()[0], (TensorRow{"conv.weight", {4, 2}, "f32", "tied.weight", true, "all", "conv"}));
  EXPECT_EQ(reader.tensors()[1].shape, std::vector<long>{});

  const auto steps = reader.steps();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].epoch, 0.25);
  EXPECT_EQ(steps[0].learning_rates[0], 0.1);
  EXPECT_TRUE(std::isnan(steps[0].learning_rates[1]));
  EXPECT_EQ(steps[0].clip_factor, 0.5);
  EXPECT_EQ(steps[0].loss_scale, 1024);
  EXPECT_TRUE(steps[0].skipped);
  EXPECT_GT(steps[0].wall_time, 1e9);

  const auto rows = watch_rows(reader);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].quantity, Quantity::gradient);
  EXPECT_EQ(rows[0].stats.bins, stats_of(values).bins);
  EXPECT_EQ(rows[0].stats.max, 0x1p30);
  EXPECT_EQ(rows[0].stats.min, -1);
  EXPECT_EQ(rows[0].stats.sum, stats_of(values).sum);
  EXPECT_TRUE(std::isnan(rows[1].stats.min));
  EXPECT_EQ(rows[1].stats.bins[kNanBin], 1u);

  const auto scalars = reader.scalars();
  ASSERT_EQ(scalars.size(), 3u);
  EXPECT_EQ(scalars[0].value, -INFINITY);
  EXPECT_TRUE(std::isnan(scalars[1].value));
  EXPECT_EQ(scalars[2].value, 1.0 / 3);
  ASSERT_EQ(reader.images().size(), 1u);
  EXPECT_EQ(reader.samples(reader.images()[0]), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(reader.notes().at(0).value, "finished");
  EXPECT_EQ(reader.alerts().at(0).text, "loss is NaN");
}

TEST(RunLog, AnEntryWithoutElementsLeavesNoRow) {
  const ScratchDirectory scratch;
  RunLog log(scratch / "run", {}, log_only());
  log.tensors({{"v", {2}}, {"w", {2}}});
  log.watch(1, Quantity::gradient, {TensorStats{}, stats_of(std::vector<double>{1, 2})});
  log.flush();
  const auto rows = watch_rows(RunReader(scratch / "run"));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].tensor, 1);
}

TEST(RunLog, TablesHaveThePublishedColumns) {
  const ScratchDirectory scratch;
  RunLog(scratch / "run", {}, log_only()).close();
  sqlite::Database db(scratch / "run/run.db", SQLITE_OPEN_READONLY);
  const auto columns = [&](const std::string& table) {
    std::string names;
    sqlite::Statement s(db, "SELECT name FROM pragma_table_info('" + table + "')");
    while (s.step()) names += s.text(0) + " ";
    return names;
  };
  EXPECT_EQ(columns("meta"), "key value ");
  EXPECT_EQ(columns("tensor"), "id name shape dtype aliases trainable optimizer_group module_path ");
  EXPECT_EQ(columns("step"), "step wall_time epoch learning_rates clip_factor loss_scale skipped generation ");
  EXPECT_EQ(columns("watch"),
            "step last_step tensor quantity numel min max sum sumsq abs_sum zero nan pinf ninf bins generation ");
  EXPECT_EQ(columns("scalar"), "step name value class generation ");
  EXPECT_EQ(columns("alert"), "rule severity tensor first_step step value limit text fixes generation ");
  EXPECT_EQ(columns("image"), "step name width height samples generation ");
  EXPECT_EQ(columns("note"), "step key value generation ");
}

TEST(RunLog, CanBeReadWhileItIsWritten) {
  const ScratchDirectory scratch;
  RunLog log(scratch / "run", {}, log_only());
  log.scalar(1, "loss", 1);
  log.flush();
  const RunReader before(scratch / "run");
  log.scalar(2, "loss", 2);
  log.flush();
  EXPECT_EQ(before.scalars().size(), 1u);  // a snapshot
  EXPECT_EQ(RunReader(scratch / "run").scalars().size(), 2u);
}

TEST(RunLog, CommitsWithinAboutASecondByItself) {
  const ScratchDirectory scratch;
  RunLog log(scratch / "run", {}, log_only());
  log.scalar(1, "loss", 1);
  size_t seen = 0;
  for (int tries = 0; tries < 100 && !seen; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    seen = RunReader(scratch / "run").scalars().size();
  }
  EXPECT_EQ(seen, 1u);
}

TEST(RunLog, AFullQueueWaitsAndCounts) {
  const ScratchDirectory scratch;
  RunLogOptions options = log_only();
  options.queue_bytes = 1;
  RunLog log(scratch / "run", {}, options);
  log.tensors({{"w", {1}}});
  for (long step = 1; step <= 300; ++step) log.watch(step, Quantity::gradient, {stats_of(std::vector<double>{1.0})});
  EXPECT_GT(log.waits(), 0);
  log.close();
  EXPECT_EQ(watch_rows(RunReader(scratch / "run")).size(), 300u);
}

TEST(RunLog, ManyThreadsMayWrite) {
  const ScratchDirectory scratch;
  RunLog log(scratch / "run", {}, log_only());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&log, t] {
      for (long step = 1; step <= 100; ++step) log.scalar(step, "thread/" + std::to_string(t), double(step));
    });
  for (auto& thread : threads) thread.join();
  log.close();
  EXPECT_EQ(RunReader(scratch / "run").scalars().size(), 400u);
}

TEST(RunLog, ResumeReplacesWhatCameAfterTheCheckpoint) {
  const ScratchDirectory scratch;
  const std::string whole = scratch / "whole", parts = scratch / "parts";
  write_fake_run(whole, {.steps = 40, .blocks = 0});
  {
    RunLog log(parts, fake_meta(), log_only());
    write_fake_steps(log, {.steps = 40, .blocks = 0, .seed = 17, .stop_after = 30});
    log.scalar(29, "only/before", 1);
  }
  {
    RunLog log = RunLog::resume(parts, 20, log_only());
    EXPECT_EQ(log.generation(), 1);
    write_fake_steps(log, {.steps = 40, .blocks = 0, .first_step = 21, .stop_after = 25});
  }
  EXPECT_EQ(RunReader(parts).steps().size(), 25u);  // 26..30 belong to a life that was given up
  {
    RunLog log = RunLog::resume(parts, 22, log_only());
    EXPECT_EQ(log.generation(), 2);
    write_fake_steps(log, {.steps = 40, .blocks = 0, .first_step = 23});
    log.close();
  }
  const RunReader a(whole), b(parts);
  EXPECT_EQ(b.generations(), 3);
  ASSERT_EQ(a.steps().size(), b.steps().size());
  const auto left = watch_rows(a), right = watch_rows(b);
  ASSERT_EQ(left.size(), right.size());
  for (size_t k = 0; k < left.size(); ++k) {
    EXPECT_EQ(left[k].step, right[k].step);
    EXPECT_EQ(left[k].tensor, right[k].tensor);
    EXPECT_EQ(left[k].stats.bins, right[k].stats.bins);
  }
  const auto x = a.scalars(), y = b.scalars();
  ASSERT_EQ(x.size(), y.size());
  for (size_t k = 0; k < x.size(); ++k) EXPECT_EQ(x[k].name, y[k].name);
}

TEST(RunLog, ResumeRefusesAnotherModel) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", {}, log_only());
    log.tensors({{"w", {1}}});
  }
  RunLog log = RunLog::resume(scratch / "run", 0, log_only());
  EXPECT_NE(sentence_of([&] { log.tensors({{"v", {1}}}); }).find("other parameters"), std::string::npos);
}

TEST(RunLog, TwoRunsDoNotShareADirectory) {
  const ScratchDirectory scratch;
  RunLog(scratch / "run", {}, log_only()).close();
  EXPECT_NE(sentence_of([&] { RunLog(scratch / "run", {}); }).find("already holds a run"), std::string::npos);
  std::ofstream(scratch / "file") << "x";
  EXPECT_NE(sentence_of([&] { RunLog(scratch / "file/run", {}); }).find("cannot be made"), std::string::npos);
}

TEST(RunLog, AnImageOfAnotherSizeIsRefused) {
  const ScratchDirectory scratch;
  RunLog log(scratch / "run", {}, log_only());
  EXPECT_THROW(log.image(1, "m", 2, 2, {1, 2, 3}), std::invalid_argument);
}

// Runs child in a process of its own and returns its exit status, or -signal.
int in_child(const std::function<int()>& child) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(RunLog, AFullDiskIsOneSentenceAndKeepsWhatWasCommitted) {
  const ScratchDirectory scratch;
  const std::string dir = scratch / "run";
  const int status = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    RunLog log(dir, {}, log_only());
    log.tensors({{"w", {1000}}});
    log.scalar(1, "loss", 1);
    log.flush();
    const rlimit limit = {200'000, 200'000};  // stands for a disk without room
    setrlimit(RLIMIT_FSIZE, &limit);
    std::mt19937_64 engine(1);
    try {
      for (long step = 2; step < 20'000; ++step)
        log.watch(step, Quantity::gradient, {normal_stats(1000, 0, 1, engine)});
      log.close();
    } catch (const UserError& e) {
      return std::string(e.what()).find("free disk space") != std::string::npos ? 7 : 8;
    }
    return 9;
  });
  EXPECT_EQ(status, 7);
  EXPECT_EQ(RunReader(dir).scalars().size(), 1u);
}

TEST(RunLog, AKilledWriterLeavesAReadableLog) {
  for (int round = 0; round < 6; ++round) {
    const ScratchDirectory scratch;
    const std::string dir = scratch / "run";
    const pid_t pid = fork();
    if (pid == 0) {
      RunLog log(dir, {}, log_only());
      log.tensors({{"w", {1000}}});
      std::mt19937_64 engine(1);
      for (long step = 1;; ++step) {
        log.watch(step, Quantity::gradient, {normal_stats(1000, 0, 1, engine)});
        if (step % 7 == 0) log.flush();
      }
    }
    const auto readable = [&] { return sentence_of([&] { RunReader reader(dir); }).empty(); };
    while (!readable()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // its tables are there
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 37 * round));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    const RunReader reader(dir);
    const auto rows = watch_rows(reader);
    for (size_t k = 0; k < rows.size(); ++k) EXPECT_EQ(rows[k].step, long(k) + 1);
    RunLog::resume(dir, long(rows.size()), log_only()).close();  // and can be continued
  }
}

TEST(RunReader, SaysInOneSentenceWhatIsWrong) {
  const ScratchDirectory scratch;
  const auto opening = [&](const std::string& name) { return sentence_of([&] { RunReader reader(scratch / name); }); };
  EXPECT_NE(opening("nothing").find("there is no run directory"), std::string::npos);
  std::filesystem::create_directory(scratch / "empty");
  EXPECT_NE(opening("empty").find("it holds no run.db"), std::string::npos);
  std::ofstream(scratch / "file") << "x";
  EXPECT_NE(opening("file").find("is not a run directory"), std::string::npos);
  std::filesystem::create_directory(scratch / "text");
  std::ofstream(scratch / "text/run.db") << std::string(5000, 'x');
  EXPECT_NE(opening("text").find("is damaged"), std::string::npos);
  std::filesystem::create_directory(scratch / "zero");
  std::ofstream(scratch / "zero/run.db").flush();
  EXPECT_NE(opening("zero").find("is damaged"), std::string::npos);
  RunLog(scratch / "new", {{"format_version", "9"}}, log_only()).close();
  sqlite::Database(scratch / "new/run.db", SQLITE_OPEN_READWRITE)
      .execute("UPDATE meta SET value = '2' WHERE key = 'format_version'");
  EXPECT_NE(opening("new").find("has format 2, this program reads up to 1"), std::string::npos);
}

// Reads everything; true when nothing but UserError came out.
bool reads_or_complains(const std::string& dir) {
  try {
    const RunReader reader(dir);
    reader.steps(), reader.scalars(), reader.alerts(), reader.notes();
    for (const auto& image : reader.images()) reader.samples(image);
    watch_rows(reader);
  } catch (const UserError&) {
  }
  return true;
}

TEST(RunReader, SurvivesAnyBytes) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 4, .blocks = 0});
  const std::string good = read_bytes(scratch / "run/run.db");
  ASSERT_GT(good.size(), 10'000u);
  std::filesystem::create_directory(scratch / "bad");
  std::mt19937_64 engine(17);
  for (int round = 0; round < 400; ++round) {
    std::string bad = good;
    if (round % 8 == 0) {
      bad.resize(engine() % good.size());
    } else {
      const size_t page = engine() % (good.size() / 4096) * 4096;  // headers of pages matter most
      for (int k = 0; k < 1 + round % 5; ++k)
        bad[round % 2 ? engine() % good.size() : page + engine() % 120] ^= char(1 << engine() % 8);
    }
    std::ofstream(scratch / "bad/run.db", std::ios::binary) << bad;
    ASSERT_TRUE(reads_or_complains(scratch / "bad")) << "round " << round;
  }
}

}  // namespace
}  // namespace heartbeat
