// Ops of a classifier: concat, normal_noise, log_softmax, nll_loss, cross_entropy.
#include "kernels/concat/concat.h"
#include "kernels/concat/concat_spec.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cross_entropy/cross_entropy_spec.h"
#include "kernels/log_softmax/log_softmax.h"
#include "kernels/log_softmax/log_softmax_spec.h"
#include "kernels/nll_loss/nll_loss.h"
#include "kernels/nll_loss/nll_loss_spec.h"
#include "kernels/normal_noise/normal_noise.h"
#include "kernels/normal_noise/normal_noise_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaClassifier = CudaParity<T>;
TYPED_TEST_SUITE(CudaClassifier, BothTypes);

TYPED_TEST(CudaClassifier, ConcatMatchesTheSpec) {
  using T = TypeParam;
  const Cuda s = this->stream;
  for (long n : {0, 1, 33})
    for (auto [p, q] : {std::pair{0L, 1L}, {3L, 0L}, {31L, 33L}}) {
      const Doubles a = normals<T>(n * p, 1), b = normals<T>(n * q, 2), dy = normals<T>(n * (p + q), 3);
      const OnDevice<T> da(s, a), db(s, b), ddy(s, dy), y(s, n * (p + q)), to_b(s, b);
      kernels::concat<T>(s, da.matrix(n, p), db.matrix(n, q), y.matrix(n, p + q));
      kernels::columns_accumulate<T>(s, ddy.matrix(n, p + q), p, to_b.matrix(n, q));
      Doubles want(n * (p + q)), want_b(b);
      kernels::concat_spec({a.data(), n, p}, {b.data(), n, q}, {want.data(), n, p + q});
      kernels::columns_accumulate_spec({dy.data(), n, p + q}, p, {want_b.data(), n, q});
      expect_parity(y, want, "concat");
      expect_parity(to_b, want_b, "columns_accumulate");
    }
}

TYPED_TEST(CudaClassifier, NoiseMatchesTheSpec) {
  using T = TypeParam;
  for (long n : {0, 1, 4, 1003}) {
    const OnDevice<T> y(this->stream, n);
    const RandomStream words = random_stream(1, 2, 3, 4);
    kernels::normal_noise<T>(this->stream, words, y.matrix(1, n));
    Doubles want(n);
    kernels::normal_noise_spec(words, {want.data(), 1, n});
    // f32 values in either type; a GPU's logarithm and cosine differ in their last bits.
    EXPECT_LT(nmse(y.host().data(), want.data(), n), parity_bound(Dtype::f32));
    // The stream's name may lie in device memory.
    const OnDevice<std::uint32_t> step(this->stream, std::vector{2u});
    const OnDevice<std::uint64_t> member(this->stream, std::vector<std::uint64_t>{4});
    const OnDevice<T> named(this->stream, n);
    kernels::normal_noise<T>(this->stream, StreamOnDevice{1, 3, step.data(), member.data()}, named.matrix(1, n));
    EXPECT_EQ(named.host(), y.host());
  }
}

TYPED_TEST(CudaClassifier, LossesMatchTheSpecs) {
  using T = TypeParam;
  const Cuda s = this->stream;
  for (long n : {1, 9, 300})
    for (long c : {1, 10, 33}) {
      SCOPED_TRACE(::testing::Message() << n << " x " << c);
      Doubles x = normals<T>(n * c, 1);
      const Doubles dy = normals<T>(n * c, 2), old = normals<T>(n * c, 3);
      for (long j = 0; j < c; ++j) x[j] = double(T(x[j] + 1000));  // exp of it overflows
      std::vector<int> labels(n);
      for (long i = 0; i < n; ++i) labels[i] = int(i * 7 % c);
      const OnDevice<int> dlabels(s, labels);
      const OnDevice<T> dx(s, x), ddy(s, dy), y(s, n * c), back(s, old), picked(s, old), slope(s, n * c);
      const OnDevice<double> loss(s, 1), nll(s, 1), loss_only(s, 1);
      kernels::log_softmax<T>(s, dx.matrix(n, c), y.matrix(n, c));
      kernels::log_softmax_backward<T>(s, y.matrix(n, c), ddy.matrix(n, c), back.matrix(n, c));
      kernels::nll_loss<T>(s, y.matrix(n, c), dlabels.data(), nll.data());
      const OnDevice<T> three(s, Doubles{3});
      kernels::nll_loss_backward<T>(s, dlabels.data(), three.data(), picked.matrix(n, c));
      kernels::cross_entropy<T>(s, dx.matrix(n, c), dlabels.data(), loss.data(), slope.matrix(n, c));
      kernels::cross_entropy<T>(s, dx.matrix(n, c), dlabels.data(), loss_only.data(), {});
      Doubles want(n * c), want_back(old), want_picked(old), want_slope(n * c);
      kernels::log_softmax_spec({x.data(), n, c}, {want.data(), n, c});
      kernels::log_softmax_backward_spec({want.data(), n, c}, {dy.data(), n, c}, {want_back.data(), n, c});
      kernels::nll_loss_backward_spec(labels.data(), 3, {want_picked.data(), n, c});
      const double want_loss = kernels::cross_entropy_spec({x.data(), n, c}, labels.data(), {want_slope.data(), n, c});
      const double precision = std::is_same_v<T, float> ? 1e-6 : 1e-13;
      EXPECT_NEAR(loss.host()[0], want_loss, precision * (1 + want_loss));
      EXPECT_EQ(loss.host(), loss_only.host());
      EXPECT_NEAR(nll.host()[0], kernels::nll_loss_spec({want.data(), n, c}, labels.data()),
                  precision * (1 + want_loss));
      expect_parity(picked, want_picked, "nll_loss_backward");
      if (c == 1) continue;  // the rest is 0 but for rounding
      expect_parity(y, want, "log_softmax");
      expect_parity(back, want_back, "log_softmax_backward");
      expect_parity(slope, want_slope, "dx of cross_entropy");
    }
}

TYPED_TEST(CudaClassifier, NotANumberFillsItsRowOnly) {
  using T = TypeParam;
  const OnDevice<T> x(this->stream, Doubles{1, NAN, 2, 1, INFINITY, 2, 1, -INFINITY, 2}), y(this->stream, 9);
  kernels::log_softmax<T>(this->stream, x.matrix(3, 3), y.matrix(3, 3));
  const auto got = y.host();
  for (int k = 0; k < 6; ++k) EXPECT_TRUE(std::isnan(got[k])) << k;
  EXPECT_EQ(got[7], -T(INFINITY));
  EXPECT_LT(got[6], 0);
}

// The mean of no rows is NaN.
TYPED_TEST(CudaClassifier, NoRowsHaveNoMean) {
  using T = TypeParam;
  const OnDevice<double> loss(this->stream, Doubles{1});
  kernels::cross_entropy<T>(this->stream, {nullptr, 0, 3}, nullptr, loss.data(), {});
  EXPECT_TRUE(std::isnan(loss.host()[0]));
}

}  // namespace
}  // namespace heartbeat::testing
