#include "kernels/max_pool/max_pool.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/max_pool/max_pool_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::MaxPoolShape;

// Values and places are those of the spec, to the bit; few distinct values, so that windows have ties.
template <class T>
void expect_spec(const MaxPoolShape& s, const Tensor& x) {
  SCOPED_TRACE(::testing::Message() << name_of(dtype_of<T>) << " " << s.planes << " x " << s.height << " x " << s.width
                                    << ", size " << s.size << ", stride " << s.stride);
  const long n = s.planes * s.out_height() * s.out_width();
  const std::vector<double> xd = x.to_vector();
  std::vector<double> want(n), dx(xd.size());
  std::vector<std::int32_t> want_from(n), from(n, -1);
  kernels::max_pool_spec(s, xd.data(), want.data(), want_from.data());

  const Tensor y = Tensor::full({n}, 7, dtype_of<T>), alone = Tensor::full({n}, 7, dtype_of<T>);
  kernels::max_pool<T>(Cpu{}, s, x.data<T>(), y.data<T>(), from.data());
  kernels::max_pool<T>(Cpu{}, s, x.data<T>(), alone.data<T>(), nullptr);
  EXPECT_EQ(nmse(y.data<T>(), want.data(), n), 0);
  EXPECT_EQ(nmse(alone.data<T>(), want.data(), n), 0);
  EXPECT_EQ(from, want_from);

  const Tensor dy = random_normal({n}, dtype_of<T>, 5), got = random_normal(x.shape(), dtype_of<T>, 6);
  dx = got.to_vector();
  kernels::max_pool_dx_accumulate<T>(Cpu{}, s, dy.data<T>(), from.data(), got.data<T>());
  kernels::max_pool_gradient_spec(s, dy.to_vector().data(), want_from.data(), dx.data());
  EXPECT_LT(nmse(got.data<T>(), dx.data(), x.numel()), parity_bound(dtype_of<T>));
}

template <class T>
Tensor coarse(const MaxPoolShape& s) {
  Tensor x = random_normal({s.planes, s.height, s.width}, dtype_of<T>, 1);
  for (long k = 0; k < x.numel(); ++k) x.data<T>()[k] = std::round(2 * x.data<T>()[k]);
  return x;
}

const MaxPoolShape kPoolShapes[] = {{3, 24, 24, 2, 2}, {5, 8, 8, 2, 2},    {0, 4, 4, 2, 2},   {1, 1, 1, 1, 1},
                                    {2, 7, 9, 2, 2},   {2, 31, 33, 3, 2},  {2, 32, 17, 2, 3}, {1, 9, 9, 3, 1},
                                    {1, 6, 5, 5, 4},   {90, 33, 31, 2, 1}, {2, 12, 70, 3, 3}};

TEST(MaxPool, MatchesTheSpec) {
  for (const MaxPoolShape& s : kPoolShapes) {
    expect_spec<float>(s, coarse<float>(s));
    expect_spec<double>(s, coarse<double>(s));
  }
}

TEST(MaxPool, NotANumberIsLargerThanAnyNumber) {
  for (const MaxPoolShape& s : kPoolShapes)
    for (double poison : {double(NAN), double(INFINITY), -double(INFINITY)}) {
      Tensor x = coarse<float>(s);
      for (long k = 0; k < x.numel(); k += 3) x.data<float>()[k] = float(poison);
      expect_spec<float>(s, x);
    }
}

TEST(MaxPool, TheFirstOfEqualElementsGetsTheGradient) {
  Tensor x = Tensor::from({1, 1, 2, 4}, {1, 2, 3, 3, 2, 2, 3, 3});
  x.set_needs_grad(true);
  const Tensor y = max_pool(x, 2, 2);
  EXPECT_EQ(y.to_vector(), (std::vector<double>{2, 3}));
  backward(y, Tensor::from({1, 1, 1, 2}, {5, 7}));
  for (long k = 0; k < 8; ++k) EXPECT_EQ(x.grad_at(k), k == 1 ? 5 : k == 2 ? 7 : 0) << k;
}

TEST(MaxPool, GradientsMatchCentralDifferences) {
  const Tensor x = random_normal({2, 3, 7, 6}, Dtype::f64, 1);
  EXPECT_LT(gradient_gap({x}, [&] { return max_pool(x, 2, 2); }), kGradientBound);
  EXPECT_LT(gradient_gap({x}, [&] { return max_pool(x, 3, 1); }), kGradientBound);  // windows share elements
  EXPECT_LT(gradient_gap({x}, [&] { return max_pool(x, 2, 3); }), kGradientBound);
}

TEST(MaxPool, ThreadsDoNotChangeABit) {
  const Tensor x = random_normal({30, 5, 33, 31}, Dtype::f32, 1), dy = random_normal({30, 5, 31, 29}, Dtype::f32, 2);
  std::vector<std::vector<double>> gradients;
  for (int threads : {1, 2, 5}) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    Tensor copy = x.copy();
    copy.set_needs_grad(true);
    backward(max_pool(copy, 3, 1), dy);
    omp_set_num_threads(before);
    gradients.emplace_back();
    for (long k = 0; k < copy.numel(); ++k) gradients.back().push_back(copy.grad_at(k));
  }
  EXPECT_EQ(gradients[0], gradients[1]);
  EXPECT_EQ(gradients[0], gradients[2]);
}

TEST(MaxPool, NothingIsRecordedThatNobodyWants) {
  const Tensor x = random_normal({1, 1, 4, 4}, Dtype::f32, 1);
  EXPECT_FALSE(max_pool(x, 2, 2).needs_grad());
  EXPECT_EQ(tape().size(), 0u);
}

TEST(MaxPool, WhatDoesNotFitIsRefused) {
  const auto message = [&](const Shape& x, int size, int stride) -> std::string {
    try {
      max_pool(Tensor::zeros(x), size, stride);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({1, 2, 4, 4}, 2, 2), "accepted");
  EXPECT_EQ(message({2, 4, 4}, 2, 2), "max_pool: x is [2, 4, 4], but must be [images, channels, height, width]");
  EXPECT_EQ(message({1, 2, 4, 4}, 0, 2), "max_pool: size is 0 and stride 2, but must be at least 1");
  EXPECT_EQ(message({1, 2, 4, 4}, 2, 0), "max_pool: size is 2 and stride 0, but must be at least 1");
  EXPECT_EQ(message({1, 2, 4, 2}, 3, 1), "max_pool: x is [1, 2, 4, 2], which has no room for a window of 3 x 3");
}

}  // namespace
}  // namespace heartbeat
