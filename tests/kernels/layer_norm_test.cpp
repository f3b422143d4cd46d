#include "kernels/layer_norm/layer_norm.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/layer_norm/layer_norm_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

constexpr double kEpsilon = 1e-5;
constexpr auto kBoth = {false, true};

Tensor apply(bool with_silu, const Tensor& x, const Tensor& gain, const Tensor& bias) {
  return with_silu ? layer_norm_silu(x, gain, bias) : layer_norm(x, gain, bias);
}

void expect_layer_norm_parity(bool with_silu, long n, long c, Dtype dtype) {
  SCOPED_TRACE(::testing::Message() << "silu " << with_silu << " n " << n << " c " << c << " " << name_of(dtype));
  const Dtype wide = acc_of(dtype);
  Tensor x = random_normal({n, c}, dtype, 1), gain = random_normal({c}, wide, 2), bias = random_normal({c}, wide, 3);
  const Tensor dy = random_normal({n, c}, dtype, 4);
  for (Tensor* t : {&x, &gain, &bias}) t->set_needs_grad(true);
  const Tensor y = apply(with_silu, x, gain, bias);
  backward(y, dy);
  backward(apply(with_silu, x, gain, bias), dy);  // gradients add

  const std::vector<double> xd = x.to_vector(), gd = gain.to_vector(), bd = bias.to_vector(), dyd = dy.to_vector();
  std::vector<double> want(n * c), dx(n * c), dgain(c), dbias(c);
  (with_silu ? kernels::layer_norm_silu_spec : kernels::layer_norm_spec)({xd.data(), n, c}, gd.data(), bd.data(),
                                                                         kEpsilon, {want.data(), n, c});
  for (int twice = 0; twice < 2; ++twice)
    kernels::layer_norm_backward_spec(with_silu, {xd.data(), n, c}, gd.data(), bd.data(), kEpsilon, {dyd.data(), n, c},
                                      dx.data(), dgain.data(), dbias.data());
  const double bound = parity_bound(wide);
  EXPECT_LT(nmse(y.to_vector().data(), want.data(), n * c), parity_bound(dtype));
  EXPECT_LT(nmse(gain.gradient().to_vector().data(), dgain.data(), c), bound);
  EXPECT_LT(nmse(bias.gradient().to_vector().data(), dbias.data(), c), bound);
  if (c > 1) {  // with one column dX is 0 but for rounding
    EXPECT_LT(nmse(x.gradient().to_vector().data(), dx.data(), n * c), parity_bound(dtype, 2));
  }
}

TEST(LayerNorm, MatchesTheSpec) {
  for (bool with_silu : kBoth)
    for (long n : {0, 1, 31, 33, 255, 600})
      for (long c : {1, 3, 31, 32, 33, 64, 65})
        for (Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16}) expect_layer_norm_parity(with_silu, n, c, dtype);
}

TEST(LayerNorm, GradientsMatchCentralDifferences) {
  for (bool with_silu : kBoth)
    for (long c : {2, 5, 32, 33}) {
      SCOPED_TRACE(::testing::Message() << "silu " << with_silu << " c " << c);
      const Tensor x = random_normal({3, c}, Dtype::f64, 1), gain = random_normal({c}, Dtype::f64, 2),
                   bias = random_normal({c}, Dtype::f64, 3);
      EXPECT_LT(gradient_gap({x, gain, bias}, [&] { return apply(with_silu, x, gain, bias); }), kGradientBound);
    }
}

TEST(LayerNorm, SmallSpreadOnALargeMeanSurvives) {
  Tensor x({1, 64});
  for (long j = 0; j < 64; ++j) x.data<float>()[j] = 4096 + (j % 2 ? 0.5f : -0.5f);
  const Tensor y = layer_norm(x, Tensor::full({64}, 1), Tensor::zeros({64}));
  for (long j = 0; j < 64; ++j) EXPECT_NEAR(y.at(j), j % 2 ? 1 : -1, 1e-4);
}

TEST(LayerNorm, ConstantRowsGiveTheBias) {
  const Tensor y = layer_norm(Tensor::full({2, 33}, 7), Tensor::full({33}, 5), Tensor::full({33}, 3));
  for (double v : y.to_vector()) EXPECT_EQ(v, 3);
}

TEST(LayerNorm, ThreadsDoNotChangeABit) {
  const Tensor x = random_normal({3000, 32}, Dtype::f32, 1), dy = random_normal({3000, 32}, Dtype::f32, 2);
  std::vector<std::vector<double>> gains;
  for (int threads : {1, 2, 5}) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    Tensor gain = Tensor::full({32}, 1);
    gain.set_needs_grad(true);
    backward(layer_norm_silu(x, gain, Tensor::zeros({32})), dy);
    omp_set_num_threads(before);
    gains.push_back(gain.gradient().to_vector());
  }
  EXPECT_EQ(gains[0], gains[1]);
  EXPECT_EQ(gains[0], gains[2]);
}

TEST(LayerNorm, NotANumberFillsItsRowOnly) {
  for (bool with_silu : kBoth)
    for (float bad : {NAN, INFINITY}) {
      Tensor x = Tensor::zeros({2, 32});
      x.data<float>()[5] = bad;
      const Tensor y = apply(with_silu, x, Tensor::full({32}, 1), Tensor::full({32}, 2));
      for (long j = 0; j < 32; ++j) {
        EXPECT_TRUE(std::isnan(y.at(j)));
        EXPECT_TRUE(std::isfinite(y.at(32 + j)));
      }
    }
}

// Memory is a headline: two numbers for each row, nothing else of its size.
TEST(LayerNorm, KeepsTwoNumbersForEachRow) {
  Tensor x = Tensor::zeros({100, 32});
  x.set_needs_grad(true);
  const Tensor gain = Tensor::full({32}, 1), bias = Tensor::zeros({32});
  const size_t before = memory_report().live;
  const Tensor y = layer_norm_silu(x, gain, bias);
  EXPECT_EQ(memory_report().live - before, 4u * (100 * 32 + 100 * 2));
  tape().clear();
}

TEST(LayerNorm, ParametersThatDoNotFitAreRefused) {
  try {
    layer_norm(Tensor::zeros({4, 2}), Tensor::zeros({2}), Tensor::zeros({3}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "layer_norm: x is [4, 2], but gain is [2] and bias is [3]");
  }
  EXPECT_THROW(layer_norm_silu(Tensor::zeros({4, 2}), Tensor::zeros({2}, Dtype::f64), Tensor::zeros({2})),
               std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
