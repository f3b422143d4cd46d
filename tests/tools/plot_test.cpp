#include "tools/plot/plot.h"

#include <gtest/gtest.h>

#include "kernels/common/error.h"
#include "kernels/histogram/histogram.h"
#include "tests/support/fake_run.h"
#include "tools/plot/value_rows.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

TEST(Plot, PercentilesAreOffByOneBinAtMost) {
  std::mt19937_64 engine(3);
  std::normal_distribution<double> normal(0.01, 0.2);
  std::vector<double> values;
  for (int k = 0; k < 5000; ++k) values.push_back(k % 10 == 0 ? 0 : normal(engine));
  TensorStats stats = stats_of(values);
  stats.bins[kNanBin] = 700;  // these have no place among the finite
  std::sort(values.begin(), values.end());
  const auto found = percentiles(stats);
  ASSERT_TRUE(found);
  for (std::size_t p = 0; p < kPercentiles.size(); ++p) {
    const double exact = values[std::size_t(std::ceil(kPercentiles[p] * 5000)) - 1];
    EXPECT_EQ(bin_of((*found)[p]), bin_of(exact)) << kPercentiles[p];
  }
  EXPECT_FALSE(percentiles(TensorStats{}));
  EXPECT_EQ((*percentiles(stats_of(std::vector<double>{0, 0})))[3], 0);
  EXPECT_EQ((*percentiles(stats_of(std::vector<double>{1e30})))[3], std::ldexp(1, 24));
}

TEST(Plot, RowsHoldEveryFiniteValueOnce) {
  std::mt19937_64 engine(4);
  for (const TensorStats& stats : {normal_stats(10'000, 0.1, 0.5, engine), stats_of(std::vector<double>{1.0}),
                                   stats_of(std::vector<double>{-2.0, 0}), stats_of(std::vector<double>{0, 0}),
                                   stats_of(std::vector<double>{1e-30, -1e30}), TensorStats{}}) {
    const ValueRows rows(stats);
    double all = 0;
    for (int r = 0; r < rows.size(); ++r) {
      all += rows.count(stats, r);
      if (r) {
        EXPECT_EQ(rows.high(r), rows.low(r - 1));
      }
    }
    EXPECT_EQ(all, double(stats.finite()));
    ASSERT_TRUE(rows.position(0));
    EXPECT_EQ(int(*rows.position(0)), rows.zero_row());
    for (double v : rows.ticks(2)) EXPECT_TRUE(rows.position(v));
  }
}

TEST(Plot, TheSameBytesEveryTime) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 60, .blocks = 1});
  for (const char* view : {"heatmap", "bands", "ridge", "ecg"})
    for (const char* end : {".svg", ".png"}) {
      const PlotOptions options{.view = view, .tensor = view == std::string("ecg") ? "*" : "pair.conv.weight"};
      const std::string a = scratch / (std::string("a") + end), b = scratch / (std::string("b") + end);
      write_plot(RunReader(scratch / "run"), options, a);
      write_plot(RunReader(scratch / "run"), options, b);
      EXPECT_TRUE(read_bytes(a) == read_bytes(b)) << view << end;
      EXPECT_GT(read_bytes(a).size(), 2000u) << view << end;
      EXPECT_EQ(read_bytes(a).substr(1, 3), end == std::string(".png") ? "PNG" : "?xm");
    }
}

// Cells of an SVG are as many as the histograms have filled rows, and as dark as their counts.
TEST(Plot, OneCellForEachFilledBin) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", fake_meta(), log_only());
    log.tensors({{"w", {6}}});
    for (long step = 1; step <= 2; ++step) {
      log.watch(step, Quantity::gradient, {stats_of(std::vector<double>{1, 1, 2, 4, -1, -1})});
      log.step({step, 1, {}});
    }
    log.close();
  }
  const std::string svg = plot(RunReader(scratch / "run"), {.view = "heatmap", .tensor = "w"}, true);
  const auto count = [&](const std::string& part) {
    long n = 0;
    for (std::size_t at = 0; (at = svg.find(part, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(count("rgb(3%,19%,42%)"), 4) << svg.substr(0, 3000);  // two values in a bin: 1 and -1, at two steps
}

TEST(Plot, MistakesAreSentences) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 5, .blocks = 0});
  const RunReader run(scratch / "run");
  EXPECT_THROW(plot(run, {.tensor = "nothing"}, true), UserError);
  EXPECT_THROW(plot(run, {.tensor = ""}, true), UserError);
  EXPECT_THROW(plot(run, {.tensor = "pair.conv.weight", .quantity = "activations"}, true), UserError);
  EXPECT_THROW(plot(run, {.tensor = "pair.conv.weight", .quantity = "colour"}, true), UserError);
  EXPECT_THROW(plot(run, {.tensor = "pair.conv.weight", .steps = {100, 200}}, true), UserError);
  EXPECT_THROW(plot(run, {.view = "ecg", .tensor = "nothing*"}, true), UserError);
  EXPECT_THROW(write_plot(run, {.tensor = "pair.conv.weight"}, scratch / "x.gif"), UserError);
  EXPECT_THROW(write_plot(run, {.tensor = "pair.conv.weight"}, "/nowhere/x.svg"), UserError);
}

}  // namespace
}  // namespace heartbeat
