#include "kernels/clip_norm/clip_norm.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/clip_norm/clip_norm_spec.h"
#include "tests/support/statistics.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::NormClip;

template <class T>
NormClip run(const std::vector<std::vector<T>>& gradients, double max_norm) {
  std::vector<long> sizes;
  std::vector<const T*> pointers;
  for (const auto& g : gradients) {
    sizes.push_back(long(g.size()));
    pointers.push_back(g.data());
  }
  return kernels::clip_norm<T>(Cpu{}, ChunkTable(sizes), pointers, max_norm);
}

template <class T>
void expect_spec(const std::vector<long>& sizes, double max_norm) {
  std::vector<std::vector<T>> gradients;
  std::vector<std::vector<double>> widened;
  for (long n : sizes) {
    gradients.push_back(normal<T>(n, 0.1, unsigned(n)));
    widened.emplace_back(gradients.back().begin(), gradients.back().end());
  }
  const NormClip got = run(gradients, max_norm), want = kernels::clip_norm_spec(widened, max_norm);
  EXPECT_NEAR(got.norm, want.norm, 1e-12 * want.norm);
  EXPECT_NEAR(got.factor, want.factor, 1e-12);
}

TEST(ClipNorm, MatchesTheSpec) {
  for (const std::vector<long>& sizes : std::vector<std::vector<long>>{
           {}, {0}, {1}, {0, 31, 0}, {33, 32, 1, 0}, {16384}, {16385, 3}, {100000, 7, 40000}})
    for (double max_norm : {0.0, 1e-3, 0.3, 1e9}) {
      SCOPED_TRACE(::testing::Message() << sizes.size() << " tensors, max_norm " << max_norm);
      expect_spec<float>(sizes, max_norm);
      expect_spec<double>(sizes, max_norm);
    }
}

TEST(ClipNorm, FactorBringsTheNormDownAndNeverUp) {
  EXPECT_EQ(run<float>({{3}, {4}}, 1).norm, 5);
  EXPECT_EQ(run<float>({{3}, {4}}, 1).factor, 0.2);
  EXPECT_EQ(run<float>({{3}, {4}}, 5).factor, 1);
  EXPECT_EQ(run<float>({{3}, {4}}, 50).factor, 1);
  EXPECT_EQ(run<float>({{0}, {0}}, 1).factor, 1) << "a zero gradient is not divided by";
  EXPECT_EQ(run<float>({{3}, {4}}, 0).factor, 1) << "0 means: never clip";
}

TEST(ClipNorm, SquaresNeitherOverflowNorVanishInSinglePrecision) {
  EXPECT_DOUBLE_EQ(run<float>({{3e30f, 4e30f}}, 0).norm, std::hypot(double(3e30f), double(4e30f)));
  EXPECT_DOUBLE_EQ(run<float>({{3e-30f, 4e-30f}}, 0).norm, std::hypot(double(3e-30f), double(4e-30f)));
}

TEST(ClipNorm, WhatIsNotFiniteIsReportedAndScalesNothing) {
  EXPECT_TRUE(std::isnan(run<float>({{1, NAN}, {2}}, 1).norm));
  EXPECT_EQ(run<float>({{1, NAN}, {2}}, 1).factor, 1);
  EXPECT_EQ(run<float>({{1, -INFINITY}, {2}}, 1).norm, INFINITY);
  EXPECT_EQ(run<float>({{1, -INFINITY}, {2}}, 1).factor, 1);
}

TEST(ClipNorm, TensorsWithoutGradientAreLeftOut) {
  const float g[] = {3, 4};
  const float* const pointers[] = {nullptr, g, nullptr};
  const long sizes[] = {70000, 2, 1};
  EXPECT_EQ(kernels::clip_norm<float>(Cpu{}, ChunkTable(sizes), pointers, 0).norm, 5);
}

TEST(ClipNorm, SameBitsOnAnyNumberOfThreads) {
  const std::vector<std::vector<float>> gradients = {normal<float>(300001, 1, 1), normal<float>(77, 1, 2)};
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const double alone = run(gradients, 1).norm;
  for (int n : {2, 3, 7}) {
    omp_set_num_threads(n);
    EXPECT_EQ(run(gradients, 1).norm, alone) << n << " threads";
  }
  omp_set_num_threads(threads);
}

}  // namespace
}  // namespace heartbeat
