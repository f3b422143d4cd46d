#include "kernels/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "autograd/ops.h"
#include "kernels/elementwise/elementwise_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

const std::vector<Shape> kShapes = {{0, 3}, {1, 1}, {31, 1}, {32, 32}, {33, 31}, {600, 33}, {3, 40001}};

void expect_close(const Tensor& got, const std::vector<double>& want, int stores = 1) {
  ASSERT_EQ(got.numel(), long(want.size()));
  const std::vector<double> values = got.to_vector();
  EXPECT_LT(nmse(values.data(), want.data(), got.numel()), parity_bound(got.dtype(), stores));
}

struct Unary {
  const char* name;
  Tensor (*op)(const Tensor&);
  double (*value)(double);
  double (*slope)(double);
};
const std::vector<Unary> kUnary = {{"relu", relu, kernels::relu_spec, kernels::relu_slope_spec},
                                   {"silu", silu, kernels::silu_spec, kernels::silu_slope_spec},
                                   {"sigmoid", sigmoid, kernels::sigmoid_spec, kernels::sigmoid_slope_spec},
                                   {"tanh", tanh, kernels::tanh_spec, kernels::tanh_slope_spec}};

TEST(Elementwise, ActivationsAndSlopesMatchTheSpec) {
  for (const Unary& f : kUnary)
    for (const Shape& shape : kShapes)
      for (Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16}) {
        SCOPED_TRACE(::testing::Message() << f.name << " " << to_string(shape) << " " << name_of(dtype));
        Tensor x = random_normal(shape, dtype, 1);
        x.set_needs_grad(true);
        const Tensor dy = random_normal(shape, dtype, 2), y = f.op(x);
        backward(y, dy);
        backward(f.op(x), dy);  // gradients add
        std::vector<double> value, gradient;
        for (long k = 0; k < x.numel(); ++k) {
          value.push_back(f.value(x.at(k)));
          gradient.push_back(2 * f.slope(x.at(k)) * dy.at(k));
        }
        expect_close(y, value);
        if (x.numel()) expect_close(Tensor::from(shape, x.gradient().to_vector(), dtype), gradient, 2);
      }
}

TEST(Elementwise, ArithmeticMatchesItsEquation) {
  for (const Shape& shape : kShapes)
    for (Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16}) {
      SCOPED_TRACE(::testing::Message() << to_string(shape) << " " << name_of(dtype));
      const Tensor a = random_normal(shape, dtype, 1), b = random_normal(shape, dtype, 2);
      const Tensor bias = random_normal({a.cols()}, acc_of(dtype), 3);
      std::vector<double> sum, product, scaled, biased;
      for (long k = 0; k < a.numel(); ++k) {
        sum.push_back(a.at(k) + b.at(k));
        product.push_back(a.at(k) * b.at(k));
        scaled.push_back(a.at(k) * 1.5);
        biased.push_back(a.at(k) + bias.at(k % a.cols()));
      }
      expect_close(add(a, b), sum);
      expect_close(mul(a, b), product);
      expect_close(scale(a, 1.5), scaled);
      expect_close(add_bias(a, bias), biased);

      const Tensor columns = bias.copy();
      std::vector<double> ad = a.to_vector(), want(a.cols());
      kernels::column_sum_spec({ad.data(), a.rows(), a.cols()}, want.data());
      for (long j = 0; j < a.cols(); ++j) want[j] += bias.at(j);
      dispatch(Device::cpu, dtype, [&]<class T>(auto device, Type<T>) {
        kernels::column_sum_accumulate<T>(device, a.value<T>(), columns.data<Acc<T>>());
      });
      expect_close(columns, want);

      if (dtype == Dtype::bf16) continue;  // what follows serves losses and moving averages, which are never stored so
      const Tensor average = b.copy(), scaled_by = b.copy(), factor = Tensor::full({1}, 1.75, dtype);
      std::vector<double> approached, added;
      for (long k = 0; k < a.numel(); ++k) {
        approached.push_back(b.at(k) + 0.25 * (a.at(k) - b.at(k)));
        added.push_back(b.at(k) + 1.75 * a.at(k));
      }
      dispatch_wide("test", Device::cpu, dtype, [&]<class T>(auto device, Type<T>) {
        kernels::approach<T>(device, 0.25, a.value<T>(), average.value<T>());
        kernels::scale_by_accumulate<T>(device, factor.data<T>(), a.value<T>(), scaled_by.value<T>());
      });
      expect_close(average, approached);
      expect_close(scaled_by, added);
    }
}

TEST(Elementwise, CastRoundsOnceAndItsGradientPasses) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(to_string(shape));
    Tensor x = random_normal(shape, Dtype::f32, 1);
    x.set_needs_grad(true);
    const Tensor y = cast(x, Dtype::bf16), back = cast(y, Dtype::f32), dy = random_normal(shape, Dtype::f32, 2);
    EXPECT_EQ(y.dtype(), Dtype::bf16);
    backward(back, dy);
    for (long k = 0; k < x.numel(); ++k) {
      ASSERT_EQ(y.at(k), float(bf16(x.at(k))));
      ASSERT_EQ(back.at(k), y.at(k));
      ASSERT_EQ(x.grad_at(k), float(bf16(dy.at(k))));
    }
  }
  const Tensor x = random_normal({3, 2}, Dtype::f32, 1);
  EXPECT_EQ(cast(x, Dtype::f32).id(), x.id());
  EXPECT_THROW(cast(x, Dtype::f64), std::invalid_argument);
}

// The sum is taken in f64 and rounded once: the ones are not lost beside the large term.
TEST(Elementwise, SumsTermsInDouble) {
  const std::vector<double> terms = {1 << 25, 1, 1, 1, 1};
  float sum = -1;
  kernels::sum_of_terms<float>(Cpu{}, terms.data(), 5, &sum);
  EXPECT_EQ(sum, (1 << 25) + 4);
  kernels::sum_of_terms<float>(Cpu{}, nullptr, 0, &sum);
  EXPECT_EQ(sum, 0);
}

TEST(Elementwise, GradientsMatchCentralDifferences) {
  const Tensor x = random_normal({7, 5}, Dtype::f64, 1), z = random_normal({7, 5}, Dtype::f64, 2),
               b = random_normal({5}, Dtype::f64, 3);
  for (long k = 0; k < x.numel(); ++k) ASSERT_GT(std::abs(x.at(k)), 1e-3);  // off the kink of relu
  for (const Unary& f : kUnary) EXPECT_LT(gradient_gap({x}, [&] { return f.op(x); }), kGradientBound) << f.name;
  EXPECT_LT(gradient_gap({x, z}, [&] { return add(x, z); }), kGradientBound);
  EXPECT_LT(gradient_gap({x, z}, [&] { return mul(x, z); }), kGradientBound);
  EXPECT_LT(gradient_gap({x}, [&] { return mul(x, x); }), kGradientBound);
  EXPECT_LT(gradient_gap({x}, [&] { return scale(x, -2.5); }), kGradientBound);
  EXPECT_LT(gradient_gap({x, b}, [&] { return add_bias(x, b); }), kGradientBound);
  EXPECT_LT(gradient_gap({x}, [&] { return dropout(x, 0.4, {1, 2, 3}); }), kGradientBound);
  const auto layout = std::make_shared<const PairLayout>(std::vector{single_chain(3, 5), single_chain(1, 6)});
  EXPECT_LT(gradient_gap({x}, [&] { return dropout(x, 0.4, {1, 2, 3}, layout); }), kGradientBound);
}

TEST(Elementwise, ParametersAloneAreReasonEnoughToRecord) {
  Tensor b = Tensor::zeros({2});
  b.set_needs_grad(true);
  const Tensor x = Tensor::zeros({3, 2});
  backward(add_bias(x, b), Tensor::full({3, 2}, 1));
  EXPECT_EQ(b.gradient().to_vector(), (std::vector<double>{3, 3}));
  EXPECT_FALSE(x.has_grad());
}

TEST(Elementwise, NotANumberIsKept) {
  const Tensor x = Tensor::from({1, 3}, {NAN, INFINITY, -INFINITY});
  for (const Unary& f : kUnary) EXPECT_TRUE(std::isnan(f.op(x).at(0))) << f.name;
  EXPECT_EQ(relu(x).at(1), INFINITY);
  EXPECT_EQ(relu(x).at(2), 0);
  EXPECT_EQ(sigmoid(x).at(2), 0);
  EXPECT_EQ(tanh(x).at(2), -1);
  EXPECT_TRUE(std::isnan(add(x, scale(x, -1)).at(1)));
}

TEST(Dropout, MatchesTheSpecElementByElement) {
  for (long n : {0, 1, 31, 32, 33, 40001})
    for (double p : {0.1, 0.5, 0.999}) {
      SCOPED_TRACE(::testing::Message() << n << " elements, p " << p);
      const Tensor x = random_normal({n, 1}, Dtype::f64, 1), y = dropout(x, p, {1, 2, 3});
      for (long e = 0; e < n; ++e)
        ASSERT_NEAR(y.at(e), kernels::dropout_spec(random_stream(1, 2, 3, 0), p, e, x.at(e)), 1e-12 * std::abs(y.at(e)))
            << e;
    }
}

TEST(Dropout, DropsAtItsRateAndKeepsTheMean) {
  constexpr long n = 200000;
  const Tensor ones = Tensor::full({n}, 1);
  for (double p : {0.01, 0.1, 0.5, 0.9}) {
    long dropped = 0;
    for (double v : dropout(ones, p, {4}).to_vector()) {
      dropped += v == 0;
      EXPECT_TRUE(v == 0 || v == double(float(1 / (1 - p))));
    }
    EXPECT_NEAR(dropped, n * p, 5 * std::sqrt(n * p * (1 - p))) << "p " << p;  // five standard errors, fixed sample
  }
}

TEST(Dropout, BackwardDrawsTheSameMask) {
  Tensor x = Tensor::full({50, 33}, 1);
  x.set_needs_grad(true);
  const Tensor y = dropout(x, 0.3, {1, 2, 3});
  backward(y, Tensor::full(x.shape(), 1));
  EXPECT_EQ(x.gradient().to_vector(), y.to_vector());
}

TEST(Dropout, EveryPartOfTheKeyMatters) {
  const Tensor x = Tensor::full({100}, 1);
  const std::vector<double> mask = dropout(x, 0.5, {1, 2, 3}).to_vector();
  EXPECT_EQ(mask, dropout(x, 0.5, {1, 2, 3}).to_vector());
  EXPECT_NE(mask, dropout(x, 0.5, {9, 2, 3}).to_vector());
  EXPECT_NE(mask, dropout(x, 0.5, {1, 9, 3}).to_vector());
  EXPECT_NE(mask, dropout(x, 0.5, {1, 2, 9}).to_vector());
}

TEST(Dropout, AProteinGetsItsMaskAloneAndInABatch) {
  constexpr long channels = 7;  // pairs * channels is no multiple of a Philox block
  const auto masks = [](std::vector<PairMember> members) {
    const auto layout = std::make_shared<const PairLayout>(std::move(members));
    return dropout(Tensor::full({layout->pairs(), channels}, 1), 0.5, {1, 2, 3}, layout).to_vector();
  };
  const std::vector<double> batch = masks({single_chain(5, 11), single_chain(9, 12), single_chain(0, 14)});
  const std::vector<double> first = masks({single_chain(5, 11)}), second = masks({single_chain(9, 12)});
  EXPECT_EQ(std::vector<double>(batch.begin(), batch.begin() + first.size()), first);
  EXPECT_EQ(std::vector<double>(batch.begin() + first.size(), batch.end()), second);
  const std::vector<double> swapped = masks({single_chain(9, 12), single_chain(5, 11)});
  EXPECT_EQ(std::vector<double>(swapped.begin(), swapped.begin() + second.size()), second);
  EXPECT_NE(masks({single_chain(9, 13)}), second);
}

TEST(Dropout, WithProbabilityZeroIsTheIdentity) {
  const Tensor x = Tensor::full({4}, 1);
  EXPECT_EQ(dropout(x, 0, {}).id(), x.id());
}

void expect_message(const std::function<void()>& f, const char* message) {
  try {
    f();
    FAIL() << "no error, but expected: " << message;
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), message);
  }
}

TEST(Elementwise, MistakesAreNamed) {
  const Tensor x = Tensor::zeros({4, 2});
  expect_message([&] { add(x, Tensor::zeros({2, 4})); }, "add: A is [4, 2], but B is [2, 4]");
  expect_message([&] { mul(x, Tensor::zeros({4, 2}, Dtype::f64)); }, "mul: A is f32, but B is f64");
  expect_message([&] { add_bias(x, Tensor::zeros({4})); }, "add_bias: x is [4, 2], but b is [4]");
  expect_message([&] { dropout(x, 1, {}); }, "dropout: p is 1, but must be in [0, 1)");
  const auto layout = std::make_shared<const PairLayout>(std::vector{single_chain(3)});
  expect_message([&] { dropout(x, 0.5, {}, layout); }, "dropout: x has 4 rows, but the layout has 6 pairs");
}

}  // namespace
}  // namespace heartbeat
