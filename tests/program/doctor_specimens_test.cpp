// Every specimen once: broken runs get the answers they are made for, healthy ones none above information, and the log
// read later gives what the trainer heard live.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/support/scratch.h"
#include "tools/doctor/replay.h"
#include "tools/specimens/specimens.h"

namespace heartbeat::doctor_test {
namespace {

using namespace heartbeat::testing;

class Specimens : public ::testing::TestWithParam<std::size_t> {};

std::string text_of(const std::vector<AlertRow>& alerts) {
  std::string text;
  for (const AlertRow& a : alerts) text += alert_line(a) + "\n";
  return text;
}

TEST_P(Specimens, AreAnswered) {
  const Specimen& specimen = specimens()[GetParam()];
  SCOPED_TRACE(specimen.name + " " + specimen.preset);
  const Scratch scratch;
  const auto live = specimen.run(scratch.file("run"), 17);
  for (const std::string& rule : specimen.rules)
    EXPECT_TRUE(answered(live, rule)) << rule << " is silent\n" << text_of(live);
  if (specimen.rules.empty()) {
    EXPECT_TRUE(serious(live).empty()) << text_of(live);
  }
  const RunReader run(scratch.file("run"));
  EXPECT_EQ(text_of(run.alerts()), text_of(live));
  Doctor later(doctor_options({}, specimen.limits));
  replay(run, later);
  EXPECT_EQ(text_of(later.alerts()), text_of(live));
}

INSTANTIATE_TEST_SUITE_P(All, Specimens, ::testing::Range(std::size_t(0), specimens().size()));

// The article's failures come in an order.
TEST(SpecimensInOrder, OverflowIsSeenBeforeItHappens) {
  for (const Specimen& s : specimens()) {
    if (s.preset != "overflow") continue;
    SCOPED_TRACE(s.name);
    const Scratch scratch;
    std::map<std::string, long> first;
    for (const AlertRow& a : s.run(scratch.file("run"), 18)) first.emplace(a.rule, a.step);
    EXPECT_LT(first.at("R05"), first.at("R01"));
    for (const char* rule : {"R04", "R02", "R03"}) EXPECT_LE(std::abs(first.at(rule) - first.at("R01")), 1) << rule;
  }
}

TEST(SpecimensInOrder, VarianceIsSeenBeforeTheLossRises) {
  for (const Specimen& s : specimens()) {
    if (s.preset != "variance-up") continue;
    SCOPED_TRACE(s.name);
    const Scratch scratch;
    std::map<std::string, long> first;
    for (const AlertRow& a : s.run(scratch.file("run"), 17)) first.emplace(a.rule, a.step);
    ASSERT_TRUE(first.count("R56"));
    if (first.count("R27")) {
      EXPECT_LT(first["R56"], first["R27"]);
    }
  }
}

}  // namespace
}  // namespace heartbeat::doctor_test
