// The heartbeat that an optimizer step must have taken.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/optimizer_case.h"

namespace heartbeat::testing {

// What was watched during the step from `before` to `after` is what histograms of the same tensors say, to the bit.
template <class T>
void expect_watched(const OptimizerCase<T>& before, const OptimizerCase<T>& after, double clip_factor,
                    const WatchedStats& got) {
  for (size_t t = 0; t < before.sizes.size(); ++t) {
    SCOPED_TRACE(::testing::Message() << "tensor " << t << " of " << before.sizes[t]);
    const std::vector<T> old = before.part(before.value, t), now = after.part(after.value, t);
    const std::vector<T> gradient = before.part(before.gradient, t);
    std::vector<T> update(old.size()), clipped(old.size());
    for (size_t i = 0; i < old.size(); ++i) {
      update[i] = now[i] - old[i];
      clipped[i] = gradient[i] * T(clip_factor);
    }
    EXPECT_EQ(got.parameter[t], stats_of(old));
    EXPECT_EQ(got.gradient[t], stats_of(gradient));
    EXPECT_EQ(got.update[t], stats_of(update));
    EXPECT_EQ(got.clipped[t], stats_of(clipped));
  }
}

}  // namespace heartbeat::testing
