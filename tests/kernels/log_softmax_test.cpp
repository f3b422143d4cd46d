#include "kernels/log_softmax/log_softmax.h"

#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "kernels/log_softmax/log_softmax_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class T>
void expect_log_softmax_parity(long n, long c) {
  const Tensor x = random_normal({n, c}, dtype_of<T>, 1), dy = random_normal({n, c}, dtype_of<T>, 2);
  const Tensor y({n, c}, dtype_of<T>), dx = random_normal({n, c}, dtype_of<T>, 3);
  const std::vector<double> wide = x.to_vector(), wide_dy = dy.to_vector();
  std::vector<double> want(n * c), want_dx = dx.to_vector();

  kernels::log_softmax<T>(Cpu{}, x.value<T>(), y.value<T>());
  kernels::log_softmax_spec({wide.data(), n, c}, {want.data(), n, c});
  EXPECT_LT(nmse(y.data<T>(), want.data(), y.numel()), parity_bound(dtype_of<T>));
  const std::vector<double> rounded = y.to_vector();
  kernels::log_softmax_backward<T>(Cpu{}, y.value<T>(), dy.value<T>(), dx.value<T>());
  kernels::log_softmax_backward_spec({rounded.data(), n, c}, {wide_dy.data(), n, c}, {want_dx.data(), n, c});
  EXPECT_LT(nmse(dx.data<T>(), want_dx.data(), dx.numel()), parity_bound(dtype_of<T>));
}

TEST(LogSoftmax, MatchesTheSpec) {
  for (long n : {0, 1, 33, 900})
    for (long c : {2, 10, 31, 32, 33, 130}) {
      SCOPED_TRACE(::testing::Message() << n << " rows, " << c << " columns");
      expect_log_softmax_parity<float>(n, c);
      expect_log_softmax_parity<double>(n, c);
    }
}

TEST(LogSoftmax, OneClassIsCertain) {
  EXPECT_EQ(log_softmax(Tensor::from({2, 1}, {-700, 3})).to_vector(), (std::vector<double>{0, 0}));
}

TEST(LogSoftmax, GradientMatchesCentralDifferences) {
  for (long c : {1, 2, 10, 33}) {
    SCOPED_TRACE(::testing::Message() << c << " columns");
    const Tensor x = random_normal({5, c}, Dtype::f64, 1);
    EXPECT_LT(gradient_gap({x}, [&] { return log_softmax(x); }), kGradientBound);
  }
}

TEST(LogSoftmax, LargeScoresDoNotOverflow) {
  const Tensor y = log_softmax(Tensor::from({3, 2}, {1e4, 1e4, -1e4, -1e4 + 1, 3e38, -3e38}));
  EXPECT_NEAR(y.at(0), std::log(0.5), 1e-6);
  EXPECT_NEAR(y.at(1), std::log(0.5), 1e-6);
  EXPECT_NEAR(y.at(2), -1 - std::log1p(std::exp(-1)), 1e-6);
  EXPECT_EQ(y.at(4), 0);
  EXPECT_EQ(y.at(5), -INFINITY);  // the difference is more than f32 holds
}

TEST(LogSoftmax, NotANumberSpoilsItsRowOnly) {
  const float inf = INFINITY;
  const Tensor y = log_softmax(Tensor::from({5, 2}, {NAN, 1, 0, -inf, inf, 0, -inf, -inf, 2, 2}));
  for (long k : {0, 1, 4, 5, 6, 7}) EXPECT_TRUE(std::isnan(y.at(k))) << k;
  EXPECT_EQ(y.at(2), 0);
  EXPECT_EQ(y.at(3), -inf);
  EXPECT_NEAR(y.at(8), std::log(0.5), 1e-6);
}

}  // namespace
}  // namespace heartbeat
