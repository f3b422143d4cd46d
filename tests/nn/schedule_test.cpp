#include "nn/schedule.h"

#include <gtest/gtest.h>

namespace heartbeat::nn {
namespace {

TEST(Schedule, RisesToThePeakAndFallsToTheFloor) {
  const Schedule s{.peak = 2, .warm_up = 0.1, .start = 0.1, .floor = 0.01};
  EXPECT_DOUBLE_EQ(s.at(0), 0.2);
  EXPECT_DOUBLE_EQ(s.at(0.05), 1.1);
  EXPECT_DOUBLE_EQ(s.at(0.1), 2);
  EXPECT_DOUBLE_EQ(s.at(0.55), 2 * (0.01 + 0.99 / 2));
  EXPECT_DOUBLE_EQ(s.at(1), 0.02);
  for (double p = 0.1; p < 1; p += 0.01) EXPECT_GT(s.at(p), s.at(p + 0.01));
}

TEST(Schedule, ProgressOutsideTheRunIsItsBeginningOrEnd) {
  const Schedule s;
  EXPECT_EQ(s.at(-1), s.at(0));
  EXPECT_EQ(s.at(7), s.at(1));
}

TEST(Schedule, NeverZero) {
  for (double warm_up : {0.0, 0.05, 1.0})
    for (auto shape : {Schedule::Shape::constant, Schedule::Shape::cosine})
      for (double p = 0; p <= 1; p += 0.05) EXPECT_GT((Schedule{.warm_up = warm_up, .shape = shape}.at(p)), 0);
}

TEST(Schedule, ConstantStaysAtThePeakAfterWarmUp) {
  const Schedule s{.peak = 3, .warm_up = 0.5, .shape = Schedule::Shape::constant};
  EXPECT_LT(s.at(0.4), 3);
  EXPECT_EQ(s.at(0.5), 3);
  EXPECT_EQ(s.at(1), 3);
}

TEST(Schedule, ByStep) {
  const Schedule s;
  EXPECT_EQ(s.at_step(0, 101), s.at(0));
  EXPECT_EQ(s.at_step(50, 101), s.at(0.5));
  EXPECT_EQ(s.at_step(100, 101), s.at(1));
  EXPECT_EQ(s.at_step(0, 1), s.at(1));
}

}  // namespace
}  // namespace heartbeat::nn
