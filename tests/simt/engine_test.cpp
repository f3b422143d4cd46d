#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/common/mma.h"
#include "kernels/simt/engine.h"
#include "kernels/simt/heap.h"
#include "tests/simt/collectives.h"
#include "tests/support/on_device.h"

namespace heartbeat {
namespace {

using testing::OnDevice;
using testing::Stream;

// Every test of device code runs in the natural order of threads and in two random ones.
class Engine : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { simt::options().seed = GetParam(); }
  void TearDown() override { simt::options().seed = 0; }
};
INSTANTIATE_TEST_SUITE_P(Orders, Engine, ::testing::Values(0, 1, 2));

std::vector<int> some_integers(int n) {
  std::mt19937 engine(3);
  std::vector<int> x(n);
  for (int& v : x) v = int(engine() % 100) - 20;
  return x;
}

TEST_P(Engine, ShufflesAndVotesFollowTheManual) {
  const Stream stream;
  for (int n : {32, 64, 256}) {
    const auto x = some_integers(n);
    const OnDevice<int> from(stream, x), to(stream, 8 * n);
    testing::run_shuffles_and_votes(stream, from.data(), to.data(), n);
    const auto y = to.host();
    const auto positive = [](int v) { return v > 0; };
    for (int i = 0; i < n; ++i) {
      const int w = i / 32 * 32, lane = i % 32;
      unsigned odd = 0;
      for (int l = 0; l < 32; ++l) odd |= unsigned(x[w + l] % 2 != 0) << l;
      EXPECT_EQ(y[i], x[w + (lane + 1) % 32]);
      EXPECT_EQ(y[n + i], x[lane + 3 < 32 ? i + 3 : i]);
      EXPECT_EQ(y[2 * n + i], x[lane % 8 >= 3 ? i - 3 : i]);
      EXPECT_EQ(y[3 * n + i], x[w + (lane ^ 5)]);
      EXPECT_EQ(unsigned(y[4 * n + i]), odd);
      EXPECT_EQ(y[5 * n + i], std::count_if(x.begin(), x.end(), positive));
      const auto begin = x.begin() + w, end = begin + 32;
      EXPECT_EQ(y[6 * n + i], std::all_of(begin, end, positive) * 2 + std::any_of(begin, end, positive));
      EXPECT_EQ(y[7 * n + i],
                std::any_of(x.begin(), x.end(), positive) * 2 + std::all_of(x.begin(), x.end(), positive));
    }
  }
}

TEST_P(Engine, HalvesOfAWarpMeetApart) {
  const Stream stream;
  const auto x = some_integers(64);
  const OnDevice<int> from(stream, x), to(stream, 64);
  testing::run_half_warp_sums(stream, from.data(), to.data(), 64);
  const auto y = to.host();
  for (int i = 0; i < 64; ++i) {
    int sum = 0;
    for (int k = 0; k < 16; ++k) sum += x[i / 16 * 16 + k];
    EXPECT_EQ(y[i], sum);
  }
}

TEST_P(Engine, AtomicsLoseNothing) {
  const Stream stream;
  const auto x = some_integers(1000);
  const OnDevice<int> from(stream, x), counts(stream, std::vector<int>(4)), largest(stream, std::vector<int>{-99});
  testing::run_count_with_atomics(stream, from.data(), 1000, counts.data(), largest.data());
  std::vector<int> want(4);
  for (int v : x) ++want[v & 3];
  EXPECT_EQ(counts.host(), want);
  EXPECT_EQ(largest.host()[0], *std::max_element(x.begin(), x.end()));
}

// Products of rounded inputs are exact in double and their sums exact in this test's range: no tolerance.
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, int depth, float (*round)(float)) {
  std::vector<float> c(16 * 8);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j)
      for (int k = 0; k < depth; ++k) c[i * 8 + j] += round(a[i * depth + k]) * round(b[k * 8 + j]);
  return c;
}
std::vector<float> some_floats(int n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) v = normal(engine);
  return x;
}
// Rounds by arithmetic, not by bits: to `digits` binary digits, ties away from zero or to even.
float rounded(float x, int digits, bool ties_away) {
  int exponent;
  const float mantissa = std::frexp(x, &exponent) * std::ldexp(1.0f, digits);
  const float whole = ties_away ? std::round(mantissa) : std::nearbyint(mantissa);
  return std::ldexp(whole, exponent - digits);
}

TEST_P(Engine, TensorCoreProductsAreMatrixProductsOfRoundedInputs) {
  const Stream stream;
  const auto close = [](const std::vector<float>& got, const std::vector<float>& want) {
    for (size_t k = 0; k < want.size(); ++k) EXPECT_NEAR(got[k], want[k], 1e-5) << k;
  };
  {
    const auto a = some_floats(16 * 8, 1), b = some_floats(8 * 8, 2);
    const OnDevice<float> da(stream, a), db(stream, b), dc(stream, 16 * 8);
    testing::run_tf32_product(stream, da.data(), db.data(), dc.data());
    close(dc.host(), product(a, b, 8, [](float x) { return rounded(x, 11, true); }));
  }
  const auto a = some_floats(16 * 16, 3), b = some_floats(16 * 8, 4);
  const OnDevice<float> da(stream, a), db(stream, b), dc(stream, 16 * 8);
  testing::run_bf16_product(stream, da.data(), db.data(), dc.data());
  close(dc.host(), product(a, b, 16, [](float x) { return rounded(x, 8, false); }));
}

// The tables of the PTX manual, element by element: groupID = lane / 4, threadID_in_group = lane % 4.
TEST(Fragments, LieWhereTheManualPutsThem) {
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane >> 2, within = lane & 3;
    const auto expect = [lane](MmaPlace got, int row, int col) {
      EXPECT_EQ(got.row, row) << lane;
      EXPECT_EQ(got.col, col) << lane;
    };
    for (int i = 0; i < 4; ++i) {
      expect(mma_place_d(lane, i), i < 2 ? group : group + 8, within * 2 + (i & 1));
      expect(mma_tf32_place_a(lane, i), i == 0 || i == 2 ? group : group + 8, i < 2 ? within : within + 4);
      expect(mma_bf16_place_b(lane, i), i < 2 ? within * 2 + (i & 1) : within * 2 + (i & 1) + 8, group);
    }
    for (int i = 0; i < 2; ++i) expect(mma_tf32_place_b(lane, i), i == 0 ? within : within + 4, group);
    for (int i = 0; i < 8; ++i)
      expect(mma_bf16_place_a(lane, i), i < 2 || (4 <= i && i < 6) ? group : group + 8,
             i < 4 ? within * 2 + (i & 1) : within * 2 + (i & 1) + 8);
  }
}

TEST(Rounding, OfSpecialValues) {
  EXPECT_EQ(to_bf16(INFINITY), 0x7f80u);
  EXPECT_EQ(to_bf16(-0.0f), 0x8000u);
  EXPECT_GT(to_bf16(NAN) & 0x7fffu, 0x7f80u);
  EXPECT_EQ(to_bf16(3.4e38f), 0x7f80u);  // rounds up to infinity
  EXPECT_EQ(to_tf32(INFINITY), 0x7f800000u);
  EXPECT_EQ(to_tf32(1.0f), 0x3f800000u);
}

TEST(Streams, RunWhenSomebodyWaits) {
  const Stream stream;
  const OnDevice<float> x(stream, std::vector<float>{1, 2, 3});
  std::vector<float> got(3, -1);
  cuda::copy(stream, got.data(), x.data(), 3 * sizeof(float));
  EXPECT_EQ(got[0], -1);
  cuda::synchronize(stream);
  EXPECT_EQ(got, (std::vector<float>{1, 2, 3}));
}

TEST(Streams, WaitForEventsOfOthers) {
  const Stream first, second;
  std::vector<float> got(1, -1);
  const OnDevice<float> x(first, std::vector<float>{5});
  const cuda::Event uploaded(first);
  cuda::clear(first, x.data(), sizeof(float));  // after the event
  cuda::wait(second, uploaded);
  cuda::copy(second, got.data(), x.data(), sizeof(float));
  cuda::synchronize(second);
  EXPECT_EQ(got[0], 5);
  EXPECT_EQ(x.host()[0], 0);
}

TEST(Heap, CountsItsBytesAndKnowsItsEnds) {
  const std::size_t before = cuda::memory_report().live;
  auto* p = static_cast<std::byte*>(cuda::allocate({}, 100));
  EXPECT_EQ(cuda::memory_report().live, before + 100);
  EXPECT_TRUE(simt::heap().is_allocated(p, 100));
  EXPECT_FALSE(simt::heap().is_allocated(p, 101));
  EXPECT_THROW(cuda::copy({}, p, p + 50, 51), std::out_of_range);
  cuda::release({}, p);
  EXPECT_EQ(cuda::memory_report().live, before);
  EXPECT_THROW(cuda::release({}, p), std::invalid_argument);
}

TEST(Launch, RefusesWhatNoGpuRuns) {
  const OnDevice<int> x(Cuda{}, 4096);
  EXPECT_THROW(testing::run_half_warp_sums({}, x.data(), x.data(), 2048), simt::KernelError);
}

}  // namespace
}  // namespace heartbeat
