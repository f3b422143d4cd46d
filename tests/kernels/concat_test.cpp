#include "kernels/concat/concat.h"

#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "kernels/concat/concat_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class T>
void expect_concat_parity(long n, long p, long q) {
  const Tensor a = random_normal({n, p}, dtype_of<T>, 1), b = random_normal({n, q}, dtype_of<T>, 2);
  const Tensor y({n, p + q}, dtype_of<T>), da = random_normal({n, p}, dtype_of<T>, 3);
  const Tensor db = random_normal({n, q}, dtype_of<T>, 4);
  const std::vector<double> wide_a = a.to_vector(), wide_b = b.to_vector();
  std::vector<double> want(y.numel()), want_da = da.to_vector(), want_db = db.to_vector();

  kernels::concat<T>(Cpu{}, a.value<T>(), b.value<T>(), y.value<T>());
  kernels::concat_spec({wide_a.data(), n, p}, {wide_b.data(), n, q}, {want.data(), n, p + q});
  EXPECT_EQ(y.to_vector(), want);
  kernels::columns_accumulate<T>(Cpu{}, y.value<T>(), 0, da.value<T>());
  kernels::columns_accumulate<T>(Cpu{}, y.value<T>(), p, db.value<T>());
  kernels::columns_accumulate_spec({want.data(), n, p + q}, 0, {want_da.data(), n, p});
  kernels::columns_accumulate_spec({want.data(), n, p + q}, p, {want_db.data(), n, q});
  EXPECT_LT(nmse(da.data<T>(), want_da.data(), da.numel()), parity_bound(dtype_of<T>));
  EXPECT_LT(nmse(db.data<T>(), want_db.data(), db.numel()), parity_bound(dtype_of<T>));
}

TEST(Concat, MatchesTheSpec) {
  for (long n : {0, 1, 31, 600})  // 600 rows of 810 columns are several tasks
    for (auto [p, q] : {std::pair(0L, 3L), {3L, 0L}, {1L, 1L}, {31L, 33L}, {800L, 10L}}) {
      SCOPED_TRACE(::testing::Message() << "[" << n << ", " << p << "] and [" << n << ", " << q << "]");
      expect_concat_parity<float>(n, p, q);
      expect_concat_parity<double>(n, p, q);
    }
}

TEST(Concat, GradientMatchesCentralDifferences) {
  for (auto [p, q] : {std::pair(1L, 4L), {5L, 2L}, {33L, 31L}}) {
    SCOPED_TRACE(::testing::Message() << p << " and " << q << " columns");
    const Tensor a = random_normal({7, p}, Dtype::f64, 1), b = random_normal({7, q}, Dtype::f64, 2);
    EXPECT_LT(gradient_gap({a, b}, [&] { return concat(a, b); }), kGradientBound);
    EXPECT_LT(gradient_gap({b}, [&] { return concat(a.copy(), b); }), kGradientBound);
  }
  const Tensor a = random_normal({7, 3}, Dtype::f64, 1);
  EXPECT_LT(gradient_gap({a}, [&] { return concat(a, a); }), kGradientBound);
}

TEST(Concat, NotANumberStaysInItsPlace) {
  const Tensor y = concat(Tensor::from({2, 1}, {1, NAN}), Tensor::from({2, 1}, {INFINITY, 2}));
  EXPECT_EQ(y.at(0), 1);
  EXPECT_EQ(y.at(1), INFINITY);
  EXPECT_TRUE(std::isnan(y.at(2)));
  EXPECT_EQ(y.at(3), 2);
}

TEST(Concat, OtherNumbersOfRowsAreRefusedWithBothShapes) {
  try {
    concat(Tensor::zeros({4, 2}), Tensor::zeros({5, 2}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "concat: A is [4, 2], but B is [5, 2]");
  }
  EXPECT_THROW(concat(Tensor::zeros({4, 2}), Tensor::zeros({4, 2}, Dtype::f64)), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
