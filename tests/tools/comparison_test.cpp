#include "tools/report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/command.h"
#include "tests/support/fake_run.h"
#include "tools/report/scales.h"
#include "tools/report/side_by_side.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using Page = nlohmann::json;

struct SmallRun {
  long steps = 20;
  long odd_step = 0;  // from here on one gradient has other values
  std::vector<TensorRow> tensors = {{"fc1.weight", {4, 2}}, {"rand_fc.weight", {3, 2}}};
  std::string config = "lr = 0.01\nbatch-size = 64\nrun-dir = \"somewhere\"\n";
  std::string name = "small";
  double accuracy = 0.9;
};

// Gradients of +-0.1 and, ten times smaller, of +-0.01.
void write_small_run(const std::string& directory, const SmallRun& run) {
  RunLogOptions options;
  options.tensorboard = false;
  RunLog log(directory, {{"config", run.config}, {"name", run.name}}, options);
  log.tensors(run.tensors);
  for (long step = 1; step <= run.steps; ++step) {
    std::vector<TensorStats> gradients, parameters;
    for (std::size_t t = 0; t < run.tensors.size(); ++t) {
      long n = 1;
      for (long d : run.tensors[t].shape) n *= d;
      std::vector<double> values;
      for (long k = 0; k < n; ++k) values.push_back((k % 2 ? -1 : 1) * (t ? 0.01 : 0.1));
      if (run.odd_step && step >= run.odd_step && t == 0) values[0] = 7;
      gradients.push_back(stats_of(values));
      parameters.push_back(stats_of(values));
    }
    log.watch(step, Quantity::gradient, std::move(gradients));
    log.watch(step, Quantity::parameter, std::move(parameters));
    log.step({step, double(step) / 10, {0.01}});
    log.scalar(step, "train/loss", 1.0 / double(step));
    log.scalar(step, "time/step", 0.001 * double(step + run.odd_step));
  }
  log.scalar(run.steps, "test/accuracy", run.accuracy);
  log.note(run.steps, "outcome", "finished");
  log.close();
}

std::vector<RunReader> readers(std::initializer_list<std::string> directories) {
  std::vector<RunReader> runs;
  for (const std::string& d : directories) runs.push_back(RunReader(d));
  return runs;
}

Page data_of(const std::string& html) {
  const size_t at = html.find("id=\"data\">") + 10;
  return Page::parse(html.substr(at, html.find("</script>", at) - at));
}

TEST(Scales, BinsSubtractExactly) {
  std::mt19937_64 engine(17);
  const TensorStats a = normal_stats(100'000, 0.01, 0.1, engine), b = normal_stats(70'001, -2, 3, engine);
  const auto d = subtract(b, a);
  std::int64_t sum = 0;
  for (int k = 0; k < kBins; ++k) {
    EXPECT_EQ(std::int64_t(a.bins[k]) + d[k], std::int64_t(b.bins[k]));
    sum += d[k];
  }
  EXPECT_EQ(sum, 70'001 - 100'000);
  TensorStats huge = a, more = a;
  huge.bins[5] = (1ull << 53) + 1, more.bins[5] = (1ull << 53);  // beyond what a double counts
  EXPECT_EQ(subtract(huge, more)[5], 1);
}

TEST(Scales, TheShareElsewhereIsWhatMoved) {
  const TensorStats a = stats_of(std::vector<double>{1, 1, 4, 16}), b = stats_of(std::vector<double>{1, 4, 4, NAN});
  EXPECT_EQ(share_elsewhere(a, a), 0);
  EXPECT_EQ(share_elsewhere(a, b), 0.5);
  EXPECT_EQ(share_elsewhere(a, stats_of(std::vector<double>{0, 0, 0, -1})), 1);
  EXPECT_EQ(share_elsewhere({}, {}), 0);
}

TEST(Scales, MedianMagnitude) {
  EXPECT_TRUE(std::isnan(median_magnitude({})));
  EXPECT_TRUE(std::isnan(median_magnitude(stats_of(std::vector<double>{NAN, INFINITY}))));
  EXPECT_EQ(median_magnitude(stats_of(std::vector<double>{0, 0, 0, 5})), 0);
  EXPECT_EQ(median_magnitude(stats_of(std::vector<double>{1e30, -1e30})), std::ldexp(1, 24));
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal(0, 0.02);
  std::vector<double> values(100'001);
  for (double& v : values) v = normal(engine);
  const double found = median_magnitude(stats_of(values));
  for (double& v : values) v = std::abs(v);
  std::nth_element(values.begin(), values.begin() + 50'000, values.end());
  EXPECT_NEAR(found / values[50'000], 1, 0.02);
}

TEST(Scales, AModuleAgainstTheOthers) {
  const std::vector<double> large(10, 0.25), small(6, 0.0625), tiny(4, 0.001);
  const std::map<std::string, TensorStats> tensors = {{"conv1.weight", stats_of(large)},
                                                      {"conv1.bias", stats_of(tiny)},
                                                      {"fc1.weight", stats_of(large)},
                                                      {"fc2.weight", stats_of(small)},
                                                      {"rand_fc.weight", stats_of(small)}};
  // conv1: 4 tiny values and 3 of 10 inside the bin from 0.25 to 0.375; the other medians are the middles of their
  // bins.
  EXPECT_DOUBLE_EQ(*scale_of_module(tensors, "rand_fc"), 0.078125 / (0.25 + 0.125 * 0.3));
  EXPECT_FALSE(scale_of_module(tensors, "embedding"));
  EXPECT_FALSE(scale_of_module({{"rand_fc.weight", stats_of(small)}}, "rand_fc"));
}

TEST(Comparison, EqualRunsSaySo) {
  const ScratchDirectory scratch;
  write_small_run(scratch / "a", {});
  SmallRun elsewhere;
  elsewhere.config = "lr = 0.01\nbatch-size = 64\nrun-dir = \"elsewhere\"\n";
  write_small_run(scratch / "b", elsewhere);
  const auto runs = readers({scratch / "a", scratch / "b"});
  const Comparison c = compare(runs[0], runs[1]);
  EXPECT_FALSE(c.differ);
  EXPECT_EQ(c.steps, 20);
  EXPECT_EQ(c.histograms, 20 * 2 * 2);
  EXPECT_EQ(c.scalars, 21);  // times are not compared
  EXPECT_EQ(verdict_of(c), "The runs are equal, to the bit: 20 steps, 21 numbers and 80 histograms are in both.");
  EXPECT_TRUE(setting_differences(runs).empty());
  EXPECT_NE(comparison_text(runs, c).find("The settings are the same."), std::string::npos);
}

TEST(Comparison, FindsTheFirstStepThatDiffers) {
  const ScratchDirectory scratch;
  write_small_run(scratch / "a", {});
  SmallRun odd;
  odd.odd_step = 13;
  odd.steps = 30;
  odd.config = "lr = 0.1\nbatch-size = 64\nmomentum = 0.9\n";
  write_small_run(scratch / "b", odd);
  const auto runs = readers({scratch / "a", scratch / "b"});
  for (bool turned : {false, true}) {
    const Comparison c = compare(runs[turned], runs[!turned]);
    ASSERT_TRUE(c.differ);
    EXPECT_EQ(c.first_step, 13);
    EXPECT_EQ(c.first_names, (std::vector<std::string>{"gradients/fc1.weight", "parameters/fc1.weight"}));
    EXPECT_EQ(c.steps, 20);
    ASSERT_EQ(c.tensors.size(), 2u);
    EXPECT_EQ(c.tensors[0].elsewhere, 8.0 / (20 * 8));  // one value of eight, at eight of the 20 steps
    EXPECT_EQ(c.tensors[1].elsewhere, 0);
  }
  const auto settings = setting_differences(runs);
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(settings[0].key + *settings[0].values[0] + *settings[0].values[1], "lr0.010.1");
  EXPECT_EQ(settings[1].key, "momentum");
  EXPECT_FALSE(settings[1].values[0]);
}

TEST(Comparison, ANumberThatIsNoneEqualsItself) {
  const ScratchDirectory scratch;
  for (const char* name : {"a", "b"}) {
    RunLogOptions options;
    options.tensorboard = false;
    RunLog log(scratch / name, {}, options);
    log.tensors({{"w", {2}}});
    log.step({1, 0, {0.1}});
    log.scalar(1, "train/loss", NAN);
    log.scalar(2, "train/loss", *name == 'a' ? NAN : 1);
    log.watch(1, Quantity::gradient, {stats_of(std::vector<double>{NAN, NAN})});
    log.close();
  }
  const auto runs = readers({scratch / "a", scratch / "b"});
  const Comparison c = compare(runs[0], runs[1]);
  EXPECT_EQ(c.first_step, 2);
  EXPECT_NE(comparison_text(runs, c).find("NaN"), std::string::npos);
}

TEST(Comparison, TensorsOfOneRunAreListed) {
  const ScratchDirectory scratch;
  write_small_run(scratch / "a", {});
  SmallRun other;
  other.tensors = {{"fc1.weight", {4, 3}}, {"rand_fc.weight", {3, 2}}, {"extra.bias", {5}}};
  write_small_run(scratch / "b", other);
  const auto runs = readers({scratch / "a", scratch / "b"});
  const auto lone = lone_tensors(runs);
  ASSERT_EQ(lone.size(), 3u);
  EXPECT_EQ(lone[0].name + lone[0].shape, "fc1.weight[4, 2]");
  EXPECT_EQ(lone[1].name + lone[1].shape, "fc1.weight[4, 3]");
  EXPECT_EQ(lone[2].name, "extra.bias");
  EXPECT_EQ(lone[2].runs, std::vector<int>{1});
  const Comparison c = compare(runs[0], runs[1]);
  EXPECT_EQ(c.histograms, 20 * 2);  // those of rand_fc.weight
  EXPECT_FALSE(c.differ);
  const std::string text = comparison_text(runs, c);
  EXPECT_NE(text.find("extra.bias [5] is in B only"), std::string::npos) << text;
}

TEST(SideBySide, HoldsWhatThePageShows) {
  const ScratchDirectory scratch;
  write_small_run(scratch / "a", {.name = "slow"});
  SmallRun fast;
  fast.name = "fast", fast.steps = 90, fast.accuracy = 0.95, fast.config = "lr = 0.1\nbatch-size = 64\n";
  write_small_run(scratch / "b", fast);
  SmallRun without = {.tensors = {{"fc1.weight", {4, 2}}}, .name = "without"};
  write_small_run(scratch / "c", without);
  const auto runs = readers({scratch / "a", scratch / "b", scratch / "c"});
  const SideBySideOptions options = {.title = "Three <runs>", .quantities = {Quantity::gradient}, .columns = 40};
  const std::string html = side_by_side_html(runs, options);
  EXPECT_EQ(html, side_by_side_html(runs, options));
  EXPECT_EQ(html.find("Three <runs>"), std::string::npos);
  EXPECT_FALSE(std::regex_search(html.substr(0, 2000), std::regex("<(link|iframe|img|object|embed|base)\\b")));

  const Page page = data_of(html);
  EXPECT_EQ(page["title"], "Three <runs>");
  EXPECT_EQ(page["module"], "rand_fc");
  ASSERT_EQ(page["runs"].size(), 3u);
  EXPECT_EQ(page["runs"][1]["label"], "fast");
  EXPECT_EQ(page["runs"][1]["steps"], 90);
  EXPECT_NEAR(page["runs"][0]["scale"].get<double>(), 0.1, 0.03);
  EXPECT_TRUE(page["runs"][2]["scale"].is_null());
  EXPECT_EQ(page["runs"][1]["scalars"]["test/accuracy"]["value"][0], 0.95);
  EXPECT_FALSE(page["runs"][1]["scalars"].contains("time/step"));
  ASSERT_EQ(page["settings"].size(), 1u);
  EXPECT_EQ(page["settings"][0]["values"], Page({"0.01", "0.1", "0.01"}));
  for (const Page& run : page["runs"])
    for (const Page& series : run["histograms"]["series"]) EXPECT_EQ(series["quantity"], "gradients");
  // Columns of the long run hold four of the short one's: what is subtracted adds those up.
  const Page &first = page["runs"][0]["histograms"], &second = page["runs"][1]["histograms"];
  EXPECT_EQ(second["first"].size(), 23u);
  EXPECT_EQ(second["merged"], 2);
  ASSERT_EQ(first["first"].size(), 20u);
  for (int c = 0; c < 5; ++c) {
    EXPECT_EQ(first["first"][4 * c], second["first"][c]);
    EXPECT_EQ(first["last"][4 * c + 3], second["last"][c]);
    EXPECT_EQ(second["rows"][c], 4);
  }
  EXPECT_EQ(second["rows"][22], 2);
}

TEST(SideBySide, EqualNamesGiveWayToDirectories) {
  const ScratchDirectory scratch;
  for (const char* name : {"a", "b"}) write_small_run(scratch / name, {.steps = 3});
  const Page page = data_of(side_by_side_html(readers({scratch / "a", scratch / "b"}), {.title = "two"}));
  EXPECT_EQ(page["runs"][0]["label"], scratch / "a");
  EXPECT_EQ(page["runs"][1]["label"], scratch / "b");
}

TEST(SideBySide, StaysWithinItsBytes) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "a", {.steps = 128, .blocks = 1});
  const auto runs = readers({scratch / "a", scratch / "a"});
  const Page small = data_of(side_by_side_html(runs, {.title = "s", .histogram_bytes = 40'000}));
  const Page large = data_of(side_by_side_html(runs, {.title = "l"}));
  EXPECT_EQ(large["runs"][0]["histograms"]["first"].size(), 128u);
  EXPECT_LT(small["runs"][0]["histograms"]["first"].size(), 128u);
  EXPECT_EQ(small["runs"][0]["histograms"]["first"], small["runs"][1]["histograms"]["first"]);
}

TEST(HeartbeatProgram, DiffAndGallery) {
  const ScratchDirectory scratch;
  write_small_run(scratch / "a", {});
  SmallRun odd;
  odd.odd_step = 5;
  write_small_run(scratch / "b", odd);
  RunLog(scratch / "young", {}, {.tensorboard = false}).close();
  const std::string a = scratch / "a", b = scratch / "b", out = scratch / "page.html";

  const Outcome diff = run_command("heartbeat diff " + a + " " + b + " -o " + out);
  EXPECT_EQ(diff.code, 0) << diff.err;
  EXPECT_NE(diff.out.find("The runs differ from step 5 on, first in gradients/fc1.weight"), std::string::npos)
      << diff.out;
  EXPECT_NE(data_of(read_bytes(out))["lead"][0].get<std::string>().find("from step 5 on"), std::string::npos);
  EXPECT_NE(run_command("heartbeat diff " + a + " " + a + " -o " + out).out.find("equal, to the bit"),
            std::string::npos);
  const Outcome gallery = run_command("heartbeat gallery " + a + " " + b + " " + a + " -o " + out + " --title Lab");
  EXPECT_EQ(gallery.code, 0) << gallery.err;
  EXPECT_EQ(data_of(read_bytes(out))["title"], "Lab");

  for (const auto& [command, part] : std::vector<std::pair<std::string, std::string>>{
           {"diff " + a + " " + (scratch / "nothing"), "there is no run directory"},
           {"diff " + a + " " + out, "is not a run directory"},
           {"diff " + a + " " + (scratch / "young"), "has not finished its first step"},
           {"diff " + a, "B is required"},
           {"diff " + a + " " + b + " -o /nowhere/x", "cannot be written"},
           {"gallery", "RUN is required"},
           {"gallery " + a + " " + (scratch / "young") + " -o " + out, "has not finished its first step"},
           {"gallery " + a + " -o /nowhere/x", "cannot be written"}}) {
    const Outcome outcome = run_command("heartbeat " + command);
    EXPECT_EQ(outcome.code, 2) << command;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << command << "\n" << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }
}

}  // namespace
}  // namespace heartbeat
