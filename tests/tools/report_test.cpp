#include "tools/report/report.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "kernels/common/error.h"
#include "tests/support/dumped.h"
#include "tests/support/fake_run.h"
#include "tools/report/histograms.h"
#include "tools/serve/live_run.h"
#include "tools/top/screen.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

long lines_with(const std::string& text, const std::string& start) {
  long n = 0;
  for (const std::string& line : lines_of(text)) n += line.rfind(start, 0) == 0;
  return n;
}

TEST(Dump, JsonHoldsEveryRow) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 10, .blocks = 0});
  const Json all = Json::parse(dumped(scratch / "run"));
  EXPECT_EQ(all["tensor"].size(), 4u);
  EXPECT_EQ(all["step"].size(), 10u);
  EXPECT_EQ(all["watch"].size(), 10u * 3 * 4);
  EXPECT_EQ(all["image"].size(), 8u);
  const Json& row = all["watch"][4];
  EXPECT_EQ(row["tensor"], "embedding.weight");
  EXPECT_EQ(row["quantity"], "gradients");
  long sum = row["nan"].get<long>() + row["pinf"].get<long>() + row["ninf"].get<long>();
  for (const Json& bin : row["bins"]) {
    EXPECT_LT(bin[0], bin[1]);
    sum += bin[2].get<long>();
  }
  EXPECT_EQ(sum, 21 * 64);
  bool nan = false;
  for (const Json& s : all["scalar"]) nan = nan || (s["name"] == "train/loss" && s["value"] == "nan");
  EXPECT_TRUE(nan);
}

TEST(Dump, CsvIsOneTidyTable) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", {{"config", "a, \"b\"\n"}}, log_only());
    log.tensors({{"w", {3}}});
    log.watch(2, Quantity::update, {stats_of(std::vector<double>{0, 1, NAN})});
    log.scalar(2, "loss", 0.1);
    log.close();
  }
  const std::string csv = dumped(scratch / "run", {.csv = true});
  EXPECT_EQ(lines_of(csv)[0], "record,step,last_step,name,field,low,high,value");
  EXPECT_NE(csv.find("meta,,,config,value,,,\"a, \"\"b\"\"\n\"\n"), std::string::npos);
  EXPECT_NE(csv.find("scalar,2,,loss,value,,,0.1\n"), std::string::npos);
  EXPECT_NE(csv.find("watch,2,2,updates/w,bin,1.0,1.5,1\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find("watch,2,2,updates/w,bin,0.0,0.0,1\n"), std::string::npos);
  EXPECT_NE(csv.find("watch,2,2,updates/w,nan,,,1\n"), std::string::npos);
}

TEST(Dump, TensorsAndStepsCanBeChosen) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 10, .blocks = 1});
  const std::string csv = dumped(scratch / "run", {.csv = true, .tensor = "*.gru.*", .steps = parse_step_range("3:4")});
  EXPECT_EQ(lines_with(csv, "tensor,,,ggn.block0.gru.bias_hh,shape"), 1);
  EXPECT_EQ(lines_with(csv, "watch,3,3,gradients/ggn.block0.gru.bias_hh,numel"), 1);
  EXPECT_EQ(lines_with(csv, "watch,5"), 0);
  EXPECT_EQ(lines_with(csv, "watch,3,3,gradients/embedding"), 0);
  EXPECT_EQ(lines_with(csv, "step,"), 2 * 5);
}

TEST(Dump, RangesOfSteps) {
  EXPECT_EQ(parse_step_range("7").last, 7);
  EXPECT_EQ(parse_step_range(":7").last, 7);
  EXPECT_EQ(parse_step_range("7:").first, 7);
  EXPECT_TRUE(parse_step_range("").contains(LONG_MAX));
  for (const char* bad : {"x", "1:2:3", "1-2", "5 "}) EXPECT_THROW(parse_step_range(bad), std::invalid_argument) << bad;
}

TEST(Dump, RunsOfOneSeedAndResumedRunsAreEqualUnlessTimesAreAskedFor) {
  const ScratchDirectory scratch;
  const FakeRun run = {.steps = 20, .blocks = 0};
  write_fake_run(scratch / "a", run);
  write_fake_run(scratch / "b", run);
  {
    RunLog log(scratch / "c", fake_meta(), log_only());
    FakeRun first = run;
    first.stop_after = 15;
    write_fake_steps(log, first);
  }
  {
    RunLog log = RunLog::resume(scratch / "c", 12, log_only());
    FakeRun second = run;
    second.first_step = 13;
    write_fake_steps(log, second);
    log.note(20, "outcome", "finished");
    log.close();
  }
  for (bool csv : {false, true}) {
    EXPECT_EQ(dumped(scratch / "a", {.csv = csv}), dumped(scratch / "b", {.csv = csv}));
    EXPECT_EQ(dumped(scratch / "a", {.csv = csv}), dumped(scratch / "c", {.csv = csv}));
    EXPECT_NE(dumped(scratch / "a", {.csv = csv, .with_times = true}),
              dumped(scratch / "b", {.csv = csv, .with_times = true}));
  }
  const std::string text = dumped(scratch / "a");
  for (const char* word : {"time/", "wall_time", "run_id", "runs/fake", "\"host\""})
    EXPECT_EQ(text.find(word), std::string::npos) << word;
  EXPECT_NE(text.find("batch = 4"), std::string::npos);
}

// Merged histograms against plain sums over the rows.
TEST(Report, MergingStepsAddsCounts) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 45, .blocks = 0});
  const RunReader reader(scratch / "run");
  const Histograms h = read_histograms(reader, {.columns = 12});
  EXPECT_EQ(h.merged, 2);
  ASSERT_EQ(h.first.size(), 12u);
  EXPECT_EQ(h.first[1], 5);
  EXPECT_EQ(h.last[1], 8);
  EXPECT_EQ(h.last.back(), 45);
  EXPECT_EQ(h.rows.front(), 4);
  EXPECT_EQ(h.rows.back(), 1);
  EXPECT_EQ(h.series.size(), 12u);
  for (const auto& s : h.series) EXPECT_EQ(s.columns.size(), 12u);
  EXPECT_EQ(read_histograms(reader, {.columns = 45}).merged, 0);
  EXPECT_EQ(read_histograms(reader, {}).first.size(), 45u);
  EXPECT_GT(read_histograms(reader, {.most_bytes = 10'000}).merged, 0);
}

// Row by row as a live page sees them: merged and recent columns against plain sums, and nothing depends on when one
// looks.
TEST(Report, MergingGoesOnWhileRowsCome) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 90, .blocks = 0});
  const RunReader reader(scratch / "run");
  HistogramMerger merged({.columns = 12}), recent({.columns = 7, .recent = true});
  std::map<long, TensorStats> plain;  // by step, of one tensor
  reader.watch({}, [&](const WatchRow& w) {
    merged.add(w), recent.add(w);
    if (w.tensor != 1 || w.quantity != Quantity::gradient) return;
    plain[w.step] = w.stats;
    for (const HistogramMerger* m : {&merged, &recent}) {
      const Histograms axis = m->axis();
      ASSERT_LE(axis.first.size(), m == &merged ? 12u : 7u);
      ASSERT_EQ(axis.last.back(), w.step);
      if (w.step % 13) continue;
      for (const MergedHistogram& column : m->columns(1, Quantity::gradient)) {
        TensorStats sum;
        double squares = 0, steps = 0;
        for (auto at = plain.lower_bound(axis.first[column.column]);
             at != plain.end() && at->first <= axis.last[column.column]; ++at) {
          for (int k = 0; k < kBins; ++k) sum.bins[k] += at->second.bins[k];
          squares += at->second.finite() ? at->second.sum_of_squares : 0, ++steps;
        }
        const TensorStats found = unpacked(column);
        ASSERT_TRUE(std::equal(sum.bins.begin(), sum.bins.begin() + kNanBin, found.bins.begin())) << w.step;
        ASSERT_NEAR(column.sum_of_squares, squares, 1e-12 * squares);
        ASSERT_EQ(double(column.rows), steps);
        ASSERT_EQ(column.nan, sum.bins[kNanBin]);
      }
    }
  });
  EXPECT_EQ(merged.axis().merged, 3);
  EXPECT_EQ(recent.axis().first.front(), 84);
  // The same as when all is read at once.
  const Histograms once = read_histograms(reader, {.columns = 12}),
                   late = read_histograms(reader, {.columns = 7, .recent = true});
  EXPECT_EQ(once.series.size(), merged.keys().size());
  for (std::size_t k = 0; k < once.series.size(); ++k) {
    EXPECT_EQ(once.series[k].bytes, merged.series(once.series[k].tensor, once.series[k].quantity).bytes);
    EXPECT_EQ(late.series[k].bytes, recent.series(late.series[k].tensor, late.series[k].quantity).bytes);
    EXPECT_EQ(once.series[k].norms, merged.series(once.series[k].tensor, once.series[k].quantity, false).norms);
  }
  EXPECT_EQ(late.first.front(), 84);
  const auto broken = merged.series(2, Quantity::gradient).broken;  // all NaN at step 54
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_LE(once.first[broken[0]], 54);
  EXPECT_GE(once.last[broken[0]], 54);
}

TEST(Report, NothingIsLoadedFromAnywhere) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 30, .blocks = 1});
  const std::string html = report_html(RunReader(scratch / "run"));
  EXPECT_FALSE(std::regex_search(html, std::regex("<(link|iframe|img|object|embed|base)\\b")));
  EXPECT_FALSE(std::regex_search(html, std::regex("\\bsrc\\s*=\\s*[\"']?\\s*(https?:)?//")));
  for (const char* loader : {"@import", "url(http", "url(//", "import(", "importScripts", "XMLHttpRequest("})
    EXPECT_EQ(html.substr(0, html.find("<script>")).find(loader), std::string::npos) << loader;
  EXPECT_NE(html.find("Content-Security-Policy\" content=\"default-src 'none'"), std::string::npos);
  EXPECT_EQ(html, report_html(RunReader(scratch / "run")));
}

TEST(Report, NamesAreTextNotMarkup) {
  const ScratchDirectory scratch;
  const std::string evil = "</script><script>alert(1)</script>{{data}}\"'&\xff";
  {
    RunLog log(scratch / "run", {{"name", evil}, {"config", evil}}, log_only());
    log.tensors({{evil, {1}}});
    log.watch(1, Quantity::gradient, {stats_of(std::vector<double>{1.0})});
    log.scalar(1, evil, 1);
    log.image(1, evil, 1, 1, {7});
    log.note(1, evil, evil);
    log.close();
  }
  const std::string html = report_html(RunReader(scratch / "run"));
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(html.find("</script><script>alert"), std::string::npos);
  const size_t at = html.find("id=\"data\">") + 10;
  const Json data = Json::parse(html.substr(at, html.find("</script>", at) - at));
  EXPECT_EQ(data["meta"]["config"].get<std::string>().substr(0, 40), evil.substr(0, 40));
}

TEST(Report, ARunWithoutStepsIsAPageToo) {
  const ScratchDirectory scratch;
  RunLog(scratch / "run", {}, log_only()).close();
  EXPECT_GT(report_html(RunReader(scratch / "run")).size(), 100'000u);
  EXPECT_NO_THROW(Json::parse(dumped(scratch / "run")));
}

TEST(Views, RefuseNewerLogs) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 3, .blocks = 0});
  sqlite::Database(scratch / "run/run.db", SQLITE_OPEN_READWRITE)
      .execute("UPDATE meta SET value = '99' WHERE key = 'format_version'");
  EXPECT_THROW(RunPulse(scratch / "run"), UserError);
  EXPECT_THROW(LiveRun(scratch / "run"), UserError);
}

struct Result {
  int status;
  std::string output;
};

Result run_heartbeat(const std::string& arguments) {
  const std::string command = std::string(HEARTBEAT_BIN_DIR) + "/heartbeat " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  for (int c; (c = std::fgetc(pipe)) != EOF;) output += char(c);
  const int status = pclose(pipe);
  return {WEXITSTATUS(status), output};
}

TEST(HeartbeatProgram, ExitCodesAndSentences) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 5, .blocks = 0});
  EXPECT_EQ(run_heartbeat("--help").status, 0);
  EXPECT_NE(run_heartbeat("--help").output.find("heartbeat report"), std::string::npos);
  EXPECT_NE(run_heartbeat("dump --help").output.find("--with-times"), std::string::npos);
  EXPECT_EQ(run_heartbeat("dump --help").status, 0);
  EXPECT_EQ(run_heartbeat("").status, 2);
  EXPECT_EQ(run_heartbeat("dance").status, 2);
  EXPECT_EQ(run_heartbeat("report " + (scratch / "run") + " -o " + (scratch / "page.html")).status, 0);
  EXPECT_EQ(read_bytes(scratch / "page.html").substr(0, 15), "<!DOCTYPE html>");
  EXPECT_EQ(run_heartbeat("dump " + (scratch / "run") + " --csv --json").status, 2);
  EXPECT_EQ(run_heartbeat("dump " + (scratch / "run") + " --steps x").status, 2);
  EXPECT_EQ(run_heartbeat("dump " + (scratch / "run") + " -o /nowhere/x").status, 2);
  EXPECT_EQ(run_heartbeat("report " + (scratch / "run") + " -o /nowhere/x").status, 2);
  const Result missing = run_heartbeat("report " + (scratch / "nothing"));
  EXPECT_EQ(missing.status, 2);
  EXPECT_EQ(missing.output, "heartbeat: there is no run directory " + (scratch / "nothing") + "\n");
  EXPECT_EQ(run_heartbeat("dump " + (scratch / "run") + " --json > /dev/full").status, 2);

  RunLog(scratch / "young", {}, log_only()).close();
  for (const char* command : {"report ", "dump "}) {
    const Result young = run_heartbeat(command + (scratch / "young"));
    EXPECT_EQ(young.status, 2);
    EXPECT_NE(young.output.find("has not finished its first step"), std::string::npos) << young.output;
  }
}

}  // namespace
}  // namespace heartbeat
