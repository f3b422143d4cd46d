#include "kernels/histogram/histogram.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cstdlib>
#include <cstring>
#include <limits>

#include "kernels/histogram/histogram_spec.h"
#include "tests/support/statistics.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

static_assert(bin_of(1.0f) == 212 && bin_of(1.5f) == 213 && bin_of(-1.0f) == 48);
static_assert(bin_of(1.0) == 212 && bin_of(1.5) == 213 && bin_of(-1.0) == 48);

TEST(Bins, KnownValues) {
  for (const auto& [x, bin] : std::vector<std::pair<float, int>>{{0x1p-40f, 132},
                                                                 {std::nextafter(0x1p24f, 0.f), 259},
                                                                 {0x1p24f, 260},
                                                                 {-0x1p24f, 0},
                                                                 {5e-4f, 190},
                                                                 {0.05f, 203},
                                                                 {0.f, 130},
                                                                 {-0.f, 130},
                                                                 {0x1p-149f, 131},
                                                                 {-0x1p-149f, 129},
                                                                 {NAN, 261},
                                                                 {-NAN, 261},
                                                                 {INFINITY, 262},
                                                                 {-INFINITY, 263}}) {
    EXPECT_EQ(bin_of(x), bin) << x;
    EXPECT_EQ(bin_of(double(x)), bin) << x;
  }
}

TEST(Bins, EveryEdgeAndItsNeighbours) {
  for (int k = 0; k <= kMagnitudeBins; ++k) {
    const double edge = magnitude_edge(k);
    ASSERT_EQ(double(float(edge)), edge) << "an edge must be an exact float";
    const int above = k == kMagnitudeBins ? kOverBin : kFirstPositiveBin + k;
    for (int sign : {1, -1}) {
      const auto mirrored = [&](int bin) { return sign > 0 ? bin : 2 * kZeroBin - bin; };
      EXPECT_EQ(bin_of(float(sign * edge)), mirrored(above));
      EXPECT_EQ(bin_of(sign * edge), mirrored(above));
      EXPECT_EQ(bin_of(sign * std::nextafter(float(edge), 0.f)), mirrored(above - 1));
      EXPECT_EQ(bin_of(sign * std::nextafter(edge, 0.0)), mirrored(above - 1));
      EXPECT_EQ(bin_of(sign * std::nextafter(float(edge), INFINITY)), mirrored(above));
      EXPECT_EQ(bin_of(sign * std::nextafter(edge, double(INFINITY))), mirrored(above));
    }
  }
}

TEST(Bins, EdgesAreContiguousAndHoldTheirValues) {
  EXPECT_EQ(bin_low_edge(0), -INFINITY);
  EXPECT_EQ(bin_high_edge(kOverBin), INFINITY);
  for (int b = 0; b < kOverBin; ++b) EXPECT_EQ(bin_high_edge(b), bin_low_edge(b + 1)) << b;
  for (int b = 1; b < kOverBin; ++b) {
    const double middle = (bin_low_edge(b) + bin_high_edge(b)) / 2;
    EXPECT_EQ(bin_of(middle), b);
  }
  for (int b : {kNanBin, kPlusInfBin, kMinusInfBin})
    EXPECT_TRUE(std::isnan(bin_low_edge(b)) && std::isnan(bin_high_edge(b)));
}

// A stride that is prime visits all exponents and mantissas. HEARTBEAT_FULL_SWEEP=1 visits all 2^32 patterns.
TEST(Bins, FloatsAgreeWithComparisonAndWithDouble) {
  const bool full = std::getenv("HEARTBEAT_FULL_SWEEP") != nullptr;
  const std::uint64_t stride = full ? 1 : 8191;
  long wrong = 0;
#pragma omp parallel for reduction(+ : wrong) if (full)
  for (std::uint64_t u = 0; u <= 0xffffffffu; u += stride) {
    const float x = std::bit_cast<float>(std::uint32_t(u));
    wrong += bin_of(x) != kernels::bin_of_spec(x) || bin_of(double(x)) != bin_of(x);
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Bins, NeverDecreaseWithTheValue) {
  int before = 0;
  for (std::int64_t key = -0x7f7fffff; key <= 0x7f7fffff; key += 4093) {
    const float x = std::bit_cast<float>(std::int32_t(key < 0 ? std::int32_t(0x80000000) | -key : key));
    ASSERT_GE(bin_of(x), before) << x;
    before = bin_of(x);
  }
  EXPECT_EQ(before, kOverBin);
}

template <class T>
void expect_spec(const T* x, long n) {
  TensorStats got;
  kernels::histogram<T>(Cpu{}, x, n, got);
  const TensorStats want = kernels::histogram_spec(x, n);
  EXPECT_EQ(got.bins, want.bins);
  EXPECT_EQ(got.count(), std::uint64_t(n));
  if (want.finite()) {
    EXPECT_EQ(got.min, want.min);
    EXPECT_EQ(got.max, want.max);
  }
  const double bound = 1e-14 * double(n + 1);  // rounding of n additions in double, in another order
  EXPECT_NEAR(got.sum, want.sum, bound * want.abs_sum);
  EXPECT_NEAR(got.abs_sum, want.abs_sum, bound * want.abs_sum);
  EXPECT_NEAR(got.sum_of_squares, want.sum_of_squares, bound * want.sum_of_squares);
}

TEST(Histogram, MatchesTheSpec) {
  for (long n : {0, 1, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 511, 512, 513, 16383, 16384, 16385, 100003}) {
    SCOPED_TRACE(::testing::Message() << n << " elements, seed 1");
    expect_spec(log_spread<float>(n, 1).data(), n);
    expect_spec(log_spread<double>(n, 1).data(), n);
    expect_spec(normal<float>(n, 1e-3, 2).data(), n);
  }
}

TEST(Histogram, DegenerateTensors) {
  constexpr float kNan = NAN, kInf = INFINITY;
  for (long n : {1, 8, 513, 20000})
    for (float value : {0.f, -0.f, 1.f, -3e38f, 3e38f, 0x1p-149f, kNan, -kNan, kInf, -kInf}) {
      SCOPED_TRACE(::testing::Message() << n << " times " << value);
      expect_spec(std::vector<float>(n, value).data(), n);
      expect_spec(std::vector<double>(n, value).data(), n);
    }
}

TEST(Histogram, OneValueThatIsNotFiniteIsCountedAndBelongsToNoSum) {
  for (float odd : {float(NAN), float(INFINITY), -float(INFINITY)})
    for (long n : {1, 511, 512, 513, 40000})
      for (long at : {0L, n / 2, n - 1}) {
        SCOPED_TRACE(::testing::Message() << odd << " at " << at << " of " << n);
        std::vector<float> x = normal<float>(n, 1, 3);
        x[at] = odd;
        expect_spec(x.data(), n);
      }
}

TEST(Histogram, TensorsMayBeginAnywhere) {
  const std::vector<float> x = log_spread<float>(3000, 4);
  for (long offset = 0; offset < 9; ++offset) expect_spec(x.data() + offset, 2049);
}

TEST(Histogram, EmptyTensorHasNoFiniteValueAndNoNan) {
  TensorStats stats;
  stats.min = 7;
  kernels::histogram<float>(Cpu{}, nullptr, 0, stats);
  EXPECT_EQ(stats, TensorStats());
  EXPECT_EQ(stats.finite(), 0u);
}

TEST(Histogram, ManyTensorsAreAsEachAlone) {
  std::vector<std::vector<float>> x;
  for (long n : {0, 5, 40000, 0, 1, 16384, 16385, 0}) x.push_back(log_spread<float>(n, unsigned(x.size())));
  std::vector<long> sizes;
  std::vector<const float*> pointers;
  for (const auto& t : x) {
    sizes.push_back(long(t.size()));
    pointers.push_back(t.data());
  }
  std::vector<TensorStats> stats(x.size());
  kernels::histogram<float>(Cpu{}, ChunkTable(sizes), pointers, stats);
  for (size_t t = 0; t < x.size(); ++t) EXPECT_EQ(stats[t], stats_of(x[t])) << "tensor " << t;
}

TEST(Histogram, SameBitsOnAnyNumberOfThreads) {
  const std::vector<float> x = normal<float>(300001, 1e-2, 5);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const TensorStats alone = stats_of(x);
  for (int n : {2, 3, 7}) {
    omp_set_num_threads(n);
    EXPECT_EQ(stats_of(x), alone) << n << " threads";
  }
  omp_set_num_threads(threads);
}

TEST(Merge, AnySplitInAnyOrderGivesTheSameBins) {
  const std::vector<float> x = log_spread<float>(10007, 6);
  const TensorStats whole = stats_of(x);
  for (size_t pieces : {2, 3, 17}) {
    std::vector<TensorStats> parts;
    for (size_t k = 0; k < pieces; ++k)
      parts.push_back(
          stats_of(std::vector<float>(x.begin() + k * x.size() / pieces, x.begin() + (k + 1) * x.size() / pieces)));
    std::shuffle(parts.begin(), parts.end(), std::mt19937(unsigned(pieces)));
    TensorStats merged;
    for (const TensorStats& part : parts) merge(merged, part);
    EXPECT_EQ(merged.bins, whole.bins);
    EXPECT_EQ(merged.min, whole.min);
    EXPECT_EQ(merged.max, whole.max);
    EXPECT_NEAR(merged.sum_of_squares, whole.sum_of_squares, 1e-10 * whole.sum_of_squares);
  }
}

TEST(Merge, PartsWithoutFiniteValuesDoNotTouchMinAndMax) {
  TensorStats merged;
  merge(merged, stats_of(std::vector<float>{NAN, INFINITY}));
  merge(merged, stats_of(std::vector<float>{3, 5}));
  merge(merged, TensorStats());
  EXPECT_EQ(merged.min, 3);
  EXPECT_EQ(merged.max, 5);
  EXPECT_EQ(merged.count(), 4u);
  EXPECT_EQ(merged.finite(), 2u);
}

}  // namespace
}  // namespace heartbeat
