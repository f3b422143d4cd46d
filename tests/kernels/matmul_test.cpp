#include "kernels/matmul/matmul.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/matmul/matmul_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class A, class B, class Y>
using Kernel = void (*)(Cpu, Matrix<const A>, Matrix<const B>, Matrix<Y>);
using Spec = void (*)(Matrix<const double>, Matrix<const double>, Matrix<double>);

// The kernel on random operands of the given shapes, over a Y that holds NaN or, for a sum, random numbers.
template <class A, class B, class Y>
double parity_gap(Kernel<A, B, Y> kernel, Spec spec, bool accumulates, const Shape& a_shape, const Shape& b_shape,
                  const Shape& y_shape) {
  const Tensor a = random_normal(a_shape, dtype_of<A>, 1), b = random_normal(b_shape, dtype_of<B>, 2);
  const Tensor y = accumulates ? random_normal(y_shape, dtype_of<Y>, 3) : Tensor::full(y_shape, NAN, dtype_of<Y>);
  const std::vector<double> before = y.to_vector();
  kernel(Cpu{}, a.value<A>(), b.value<B>(), y.value<Y>());

  std::vector<double> ad = a.to_vector(), bd = b.to_vector(), want(y.numel());
  spec({ad.data(), a.rows(), a.cols()}, {bd.data(), b.rows(), b.cols()}, {want.data(), y.rows(), y.cols()});
  if (accumulates)
    for (long k = 0; k < y.numel(); ++k) want[k] += before[k];
  return nmse(y.data<Y>(), want.data(), y.numel());
}

// Tall matrices stored as T and Y.
template <class T, class Y = T>
void expect_parity(long n, long k, long m) {
  SCOPED_TRACE(::testing::Message() << "n " << n << " k " << k << " m " << m << " " << name_of(dtype_of<T>) << " and "
                                    << name_of(dtype_of<Y>));
  using namespace kernels;
  using S = Acc<T>;
  const double bound = parity_bound(dtype_of<Y>), sum_bound = parity_bound(dtype_of<S>);
  EXPECT_LT((parity_gap<T, S, Y>(matmul<T, Y>, matmul_spec, false, {n, k}, {k, m}, {n, m})), bound);
  EXPECT_LT((parity_gap<T, S, Y>(matmul_accumulate<T, Y>, matmul_spec, true, {n, k}, {k, m}, {n, m})), bound);
  EXPECT_LT((parity_gap<T, S, Y>(matmul_transposed<T, Y>, matmul_transposed_spec, false, {n, k}, {m, k}, {n, m})),
            bound);
  EXPECT_LT(
      (parity_gap<T, S, Y>(matmul_transposed_accumulate<T, Y>, matmul_transposed_spec, true, {n, k}, {m, k}, {n, m})),
      bound);
  EXPECT_LT((parity_gap<T, Y, S>(outer_sum_accumulate<T, Y>, outer_sum_spec, true, {n, k}, {n, m}, {k, m})), sum_bound);
}

TEST(Matmul, MatchesTheSpec) {
  for (long n : {0, 1, 31, 33, 255, 257, 1100})  // around a chunk, and three chunks of a sum
    for (long k : {0, 1, 32, 33})
      for (long m : {0, 1, 31, 32}) {
        expect_parity<float>(n, k, m);
        expect_parity<double>(n, k, m);
        if (n == 1 || k == 1 || m == 1) continue;  // one sum alone may cancel
        expect_parity<bf16>(n, k, m);
        expect_parity<bf16, float>(n, k, m);
        expect_parity<float, bf16>(n, k, m);
      }
}

TEST(Matmul, BigWeightsMatchTheSpec) {  // the other plan of the weight gradient; up to 64 rows share the weight
  for (long n : {1, 64, 70}) {
    expect_parity<float>(n, 300, 230);
    expect_parity<double>(n, 230, 300);
    expect_parity<bf16>(n, 300, 230);
    expect_parity<bf16, float>(n, 300, 230);
  }
}

TEST(Matmul, GradientsMatchCentralDifferences) {
  const Tensor a = random_normal({5, 3}, Dtype::f64, 1), b = random_normal({3, 4}, Dtype::f64, 2),
               W = random_normal({4, 3}, Dtype::f64, 3);
  EXPECT_LT(gradient_gap({a, b}, [&] { return matmul(a, b); }), kGradientBound);
  EXPECT_LT(gradient_gap({a, W}, [&] { return matmul_transposed(a, W); }), kGradientBound);
}

TEST(Matmul, OnlyWantedGradientsAreComputed) {
  Tensor x = random_normal({5, 3}, Dtype::f32, 1), W = random_normal({4, 3}, Dtype::f32, 2);
  W.set_needs_grad(true);
  backward(matmul_transposed(x, W), random_normal({5, 4}, Dtype::f32, 3));
  EXPECT_FALSE(x.has_grad());
  EXPECT_TRUE(W.has_grad());
  W.set_needs_grad(false);
  EXPECT_FALSE(matmul_transposed(x, W).needs_grad());
}

TEST(Matmul, ThreadsDoNotChangeABit) {
  const Tensor a = random_normal({3000, 33}, Dtype::f32, 1), b = random_normal({3000, 17}, Dtype::f32, 2);
  std::vector<std::vector<double>> results;
  for (int threads : {1, 2, 5}) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    const Tensor y = Tensor::zeros({33, 17});
    kernels::outer_sum_accumulate<float>(Cpu{}, a.value<float>(), b.value<float>(), y.value<float>());
    omp_set_num_threads(before);
    results.push_back(y.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Matmul, NotANumberStaysInItsRow) {
  const Tensor a = Tensor::from({2, 2}, {NAN, 0, 1, 2}), b = Tensor::from({2, 1}, {0, 1});
  const Tensor y = matmul(a, b);
  EXPECT_TRUE(std::isnan(y.at(0)));
  EXPECT_EQ(y.at(1), 2);
  EXPECT_TRUE(std::isnan(matmul(Tensor::zeros({1, 1}), Tensor::full({1, 1}, INFINITY)).at(0)));  // 0 * Inf
}

TEST(Matmul, SidesThatDoNotMeetAreRefused) {
  try {
    matmul_transposed(Tensor::zeros({4, 2}), Tensor::zeros({5, 3}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "matmul_transposed: x is [4, 2], but W is [5, 3]");
  }
  EXPECT_THROW(matmul(Tensor::zeros({4, 2}), Tensor::zeros({3, 2})), std::invalid_argument);
  EXPECT_THROW(matmul(Tensor::zeros({4, 2}), Tensor::zeros({2, 2}, Dtype::f64)), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
