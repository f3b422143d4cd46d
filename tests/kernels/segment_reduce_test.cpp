#include "kernels/segment_reduce/segment_reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "autograd/ops.h"
#include "kernels/segment_reduce/segment_reduce_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::Reduce;

// Random cuts of [0, n): lengths differ, and where there are more cuts than rows some segments are empty.
Ids random_offsets(int n, int segments, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::vector<int> cuts(segments + 1, 0);
  for (int& cut : cuts) cut = int(engine() % (n + 1));
  std::sort(cuts.begin(), cuts.end());
  cuts.front() = 0;
  cuts.back() = n;
  return std::make_shared<const std::vector<int>>(std::move(cuts));
}

template <class T>
double parity_gap(Reduce how, int n, int segments, long channels) {
  const Ids offsets = random_offsets(n, segments, 1);
  const Tensor x = random_normal({n, channels}, dtype_of<T>, 2), y({segments, channels}, dtype_of<T>);
  kernels::segment_reduce<T>(Cpu{}, how, offsets->data(), x.value<T>(), y.value<T>());
  std::vector<double> wide = x.to_vector(), want(y.numel());
  kernels::segment_reduce_spec(how, offsets->data(), {wide.data(), n, channels}, {want.data(), segments, channels});
  return nmse(y.data<T>(), want.data(), y.numel());
}

TEST(SegmentReduce, MatchesTheSpec) {
  for (Reduce how : {Reduce::sum, Reduce::mean})
    for (int n : {0, 1, 31, 32, 33, 700})
      for (int segments : {1, 2, 33, 90})
        for (long channels : {1, 31, 32, 33, 64, 65, 130}) {
          SCOPED_TRACE(::testing::Message() << n << " rows, " << segments << " segments, " << channels << " channels");
          EXPECT_LT(parity_gap<float>(how, n, segments, channels), parity_bound(Dtype::f32));
          EXPECT_LT(parity_gap<double>(how, n, segments, channels), parity_bound(Dtype::f64));
        }
}

TEST(SegmentReduce, GradientMatchesCentralDifferences) {
  for (int segments : {1, 3, 40})
    for (long channels : {1, 5}) {
      SCOPED_TRACE(::testing::Message() << segments << " segments, " << channels << " channels");
      const Tensor x = random_normal({23, channels}, Dtype::f64, 1);
      const Ids offsets = random_offsets(23, segments, 2);
      EXPECT_LT(gradient_gap({x}, [&] { return segment_sum(x, offsets); }), kGradientBound);
      EXPECT_LT(gradient_gap({x}, [&] { return segment_mean(x, offsets); }), kGradientBound);
    }
}

TEST(SegmentReduce, AnEmptySegmentIsZeroAndNotANumberStaysInItsOwn) {
  const Tensor x = Tensor::from({3, 1}, {1, 3, NAN});
  const Tensor y = segment_mean(x, std::make_shared<const std::vector<int>>(std::vector<int>{0, 2, 2, 3}));
  EXPECT_EQ(y.at(0), 2);
  EXPECT_EQ(y.at(1), 0);
  EXPECT_TRUE(std::isnan(y.at(2)));
}

TEST(SegmentReduce, OffsetsThatDoNotFitAreRefused) {
  const Tensor x = Tensor::zeros({4, 2});
  const auto complaint = [&](std::vector<int> offsets) -> std::string {
    try {
      segment_sum(x, std::make_shared<const std::vector<int>>(std::move(offsets)));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(complaint({}), "segment_sum: offsets must begin with 0");
  EXPECT_EQ(complaint({1, 4}), "segment_sum: offsets must begin with 0");
  EXPECT_EQ(complaint({0, 3, 2, 4}), "segment_sum: offsets[2] is 2, below offsets[1], which is 3");
  EXPECT_EQ(complaint({0, 3}), "segment_sum: offsets end at 3, but X has 4 rows");
  EXPECT_EQ(complaint({0, 4}), "accepted");
}

}  // namespace
}  // namespace heartbeat
