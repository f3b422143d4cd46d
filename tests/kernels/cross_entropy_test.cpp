#include "kernels/cross_entropy/cross_entropy.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/cross_entropy/cross_entropy_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class T>
double cross_entropy_of(Matrix<const T> x, const int* labels, Matrix<T> dx = {}) {
  double loss = 0;
  kernels::cross_entropy<T>(Cpu{}, x, labels, &loss, dx);
  return loss;
}

template <class T>
void expect_cross_entropy_parity(long n, long c) {
  const Tensor x = random_normal({n, c}, dtype_of<T>, 1), dx({n, c}, dtype_of<T>);
  const Ids labels = random_labels(n, c, 2);
  const std::vector<double> wide = x.to_vector();
  std::vector<double> want(n * c);
  const double loss = cross_entropy_of<T>(x.value<T>(), labels->data(), dx.value<T>());
  const double right = kernels::cross_entropy_spec({wide.data(), n, c}, labels->data(), {want.data(), n, c});
  EXPECT_LT(nmse(&loss, &right, 1), parity_bound(dtype_of<T>));
  EXPECT_LT(nmse(dx.data<T>(), want.data(), n * c), parity_bound(dtype_of<T>));
  EXPECT_EQ(loss, cross_entropy_of<T>(x.value<T>(), labels->data()));
}

TEST(CrossEntropy, MatchesTheSpec) {
  for (long n : {1, 31, 33, 2000})
    for (long c : {2, 10, 31, 32, 33, 130}) {
      SCOPED_TRACE(::testing::Message() << n << " rows, " << c << " classes");
      expect_cross_entropy_parity<float>(n, c);
      expect_cross_entropy_parity<double>(n, c);
    }
  EXPECT_TRUE(std::isnan(cross_entropy_of<float>({nullptr, 0, 10}, nullptr)));
}

TEST(CrossEntropy, IsTheNegativeLogLikelihoodOfTheLogSoftmax) {
  const Tensor x = random_normal({20, 10}, Dtype::f64, 1);
  const Ids labels = random_labels(20, 10, 2);
  EXPECT_NEAR(cross_entropy(x, labels).item(), nll_loss(log_softmax(x), labels).item(), 1e-14);
}

TEST(CrossEntropy, GradientMatchesCentralDifferences) {
  for (long c : {1, 2, 10, 33}) {
    SCOPED_TRACE(::testing::Message() << c << " classes");
    const Tensor x = random_normal({5, c}, Dtype::f64, 1);
    const Ids labels = random_labels(5, c, 2);
    EXPECT_LT(gradient_gap({x}, [&] { return cross_entropy(x, labels); }), kGradientBound);
    EXPECT_LT(gradient_gap({x}, [&] { return scale(cross_entropy(x, labels), -3); }), kGradientBound);
  }
}

TEST(CrossEntropy, LargeScoresDoNotOverflow) {
  const Tensor x = Tensor::from({2, 2}, {1e4, -1e4, 3e4, 3e4});
  Tensor dx({2, 2});
  const Ids labels = these_labels({1, 0});
  const double loss = cross_entropy_of<float>(x.value<float>(), labels->data(), dx.value<float>());
  EXPECT_NEAR(loss, (2e4 + std::log(2.0)) / 2, 1e-3);
  EXPECT_EQ(dx.to_vector(), (std::vector<double>{0.5, -0.5, -0.25, 0.25}));
}

TEST(CrossEntropy, NotANumberSpoilsItsRowOnly) {
  const Tensor x = Tensor::from({3, 2}, {NAN, 0, -INFINITY, 0, 1, 1});
  Tensor dx({3, 2});
  const Ids labels = these_labels({1, 1, 0}), impossible = these_labels({1, 0, 0});
  EXPECT_TRUE(std::isnan(cross_entropy_of<float>(x.value<float>(), labels->data(), dx.value<float>())));
  EXPECT_TRUE(std::isnan(dx.at(0)));
  EXPECT_TRUE(std::isnan(dx.at(1)));
  EXPECT_EQ(dx.at(2), 0);
  EXPECT_EQ(dx.at(3), 0);
  EXPECT_FLOAT_EQ(float(dx.at(4)), -1.f / 6);
  const Tensor rest = Tensor::from({2, 2}, {-INFINITY, 0, 1, 1});
  EXPECT_EQ(cross_entropy(rest, these_labels({0, 0})).item(), INFINITY);
}

TEST(CrossEntropy, RepeatsToTheBitForAnyNumberOfThreads) {
  const Tensor x = random_normal({5000, 10}, Dtype::f32, 1);
  const Ids labels = random_labels(5000, 10, 2);
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    const double loss = cross_entropy_of<float>(x.value<float>(), labels->data());
    omp_set_num_threads(before);
    return loss;
  };
  EXPECT_EQ(run(1), run(3));
}

TEST(CrossEntropy, LabelsThatDoNotFitAreRefused) {
  try {
    cross_entropy(Tensor::zeros({2, 10}), these_labels({3, 11}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "cross_entropy: label 11 at row 1 is none of 10 classes");
  }
}

}  // namespace
}  // namespace heartbeat
