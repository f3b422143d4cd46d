#include "kernels/normal_noise/normal_noise.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/normal_noise/normal_noise_spec.h"

namespace heartbeat {
namespace {

TEST(NormalNoise, IsTheSpecToTheBit) {
  const RandomStream stream = random_stream(1, 2, 3, 4);
  for (long n : {0, 1, 2, 31, 32, 33, 5001}) {
    SCOPED_TRACE(n);
    std::vector<double> want(n);
    kernels::normal_noise_spec(stream, {want.data(), 1, n});
    const Tensor single({n}), wide({n}, Dtype::f64);
    kernels::normal_noise<float>(Cpu{}, stream, single.value<float>());
    kernels::normal_noise<double>(Cpu{}, stream, wide.value<double>());
    EXPECT_EQ(single.to_vector(), want);
    EXPECT_EQ(wide.to_vector(), want);
  }
}

TEST(NormalNoise, HasTheMomentsOfTheNormalDistribution) {
  constexpr long n = 400'000;
  const std::vector<double> z = normal_noise({n / 10, 10}, {.seed = 1}).to_vector();
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0, outside = 0;
  for (long e = 0; e < n; ++e) {
    sum += z[e];
    squares += z[e] * z[e];
    cubes += z[e] * z[e] * z[e];
    fourths += z[e] * z[e] * z[e] * z[e];
    neighbours += z[e] * z[(e + 1) % n];
    outside += std::abs(z[e]) > 1.959964;
  }
  // Five standard errors: sqrt(1, 2, 15, 96, 1, 0.05 * 0.95) / sqrt(n).
  const double error = 5 / std::sqrt(double(n));
  EXPECT_NEAR(sum / n, 0, error);
  EXPECT_NEAR(squares / n, 1, 1.42 * error);
  EXPECT_NEAR(cubes / n, 0, 3.88 * error);
  EXPECT_NEAR(fourths / n, 3, 9.8 * error);
  EXPECT_NEAR(neighbours / n, 0, error);
  EXPECT_NEAR(outside / n, 0.05, 0.22 * error);
}

TEST(NormalNoise, IsNamedByItsKey) {
  const auto draw = [](RandomKey key) { return normal_noise({64, 10}, key).to_vector(); };
  const RandomKey key{.seed = 17, .step = 3, .layer = 1};
  EXPECT_EQ(draw(key), draw(key));
  EXPECT_NE(draw(key), draw({.seed = 18, .step = 3, .layer = 1}));
  EXPECT_NE(draw(key), draw({.seed = 17, .step = 4, .layer = 1}));
  EXPECT_NE(draw(key), draw({.seed = 17, .step = 3, .layer = 2}));
  EXPECT_EQ(draw(key), normal_noise({640}, key, Dtype::f64).to_vector());
  EXPECT_FALSE(normal_noise({2}, key).needs_grad());
}

TEST(NormalNoise, RepeatsToTheBitForAnyNumberOfThreads) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const std::vector<double> one = normal_noise({9000}, {.seed = 5}).to_vector();
  omp_set_num_threads(3);
  EXPECT_EQ(normal_noise({9000}, {.seed = 5}).to_vector(), one);
  omp_set_num_threads(before);
}

}  // namespace
}  // namespace heartbeat
