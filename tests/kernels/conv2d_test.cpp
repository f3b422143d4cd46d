#include "kernels/conv2d/conv2d.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/conv2d/conv2d_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::Conv2dShape;

// images, in, height, width, out, kernel height, kernel width, stride, padding
const Conv2dShape kConvShapes[] = {
    {2, 1, 28, 28, 20, 5, 5, 1, 0},   // the digits network
    {3, 20, 12, 12, 50, 5, 5, 1, 0},  //
    {0, 2, 5, 5, 3, 3, 3, 1, 0},      // nothing to do, in four ways
    {2, 0, 5, 5, 3, 3, 3, 1, 0},     {2, 3, 5, 5, 0, 3, 3, 1, 0},
    {1, 1, 1, 1, 1, 1, 1, 1, 0},     {2, 3, 7, 5, 4, 7, 5, 1, 0},  // one output pixel
    {1, 2, 9, 20, 3, 3, 5, 1, 0},                                  // rows of whole vectors, not square
    {2, 3, 8, 8, 7, 3, 3, 1, 1},     {2, 3, 8, 9, 13, 3, 2, 2, 1},
    {2, 2, 31, 33, 31, 3, 3, 2, 0},  {1, 2, 32, 17, 33, 4, 3, 3, 2},
    {2, 2, 11, 10, 32, 2, 2, 4, 0},  // the stride steps over pixels
    {1, 2, 6, 7, 3, 3, 3, 1, 4},     // windows that see nothing but padding
    {1, 7, 10, 13, 9, 1, 1, 1, 0},   {1, 8, 9, 9, 17, 1, 1, 2, 1},
    {40, 3, 9, 9, 6, 3, 3, 1, 1},  // several partial sums of dW
};

std::string name(const Conv2dShape& s, Dtype dtype) {
  return std::string(name_of(dtype)) + " " +
         to_string(
             Shape{s.images, s.in, s.height, s.width, s.out, s.kernel_height, s.kernel_width, s.stride, s.padding});
}

struct Case {
  Case(const Conv2dShape& s, Dtype dtype)
      : shape(s),
        x(random_normal({s.images, s.in, s.height, s.width}, dtype, 1)),
        W(random_normal({s.out, s.in, s.kernel_height, s.kernel_width}, dtype, 2)),
        b(random_normal({s.out}, dtype, 3)),
        dy(random_normal({s.images, s.out, s.out_height(), s.out_width()}, dtype, 4)) {}

  Tensor y() const { return conv2d(x, W, b, int(shape.stride), int(shape.padding)); }

  Conv2dShape shape;
  Tensor x, W, b, dy;
};

struct Results {
  std::vector<double> y, dx, dW, db;
  bool operator==(const Results&) const = default;
};

// Twice backward, so that what overwrites a gradient is found.
Results run(const Case& c) {
  Results r;
  for (Tensor t : {c.x, c.W, c.b}) {
    t.set_needs_grad(true);
    t.clear_grad();
  }
  for (int pass = 0; pass < 2; ++pass) {
    const Tensor y = c.y();
    backward(y, c.dy);
    r.y = y.to_vector();
  }
  const auto half_gradient = [](const Tensor& t) {
    std::vector<double> g(t.numel());
    for (long k = 0; k < t.numel(); ++k) g[k] = t.grad_at(k) / 2;
    return g;
  };
  r.dx = half_gradient(c.x), r.dW = half_gradient(c.W), r.db = half_gradient(c.b);
  return r;
}

Results spec(const Case& c) {
  const std::vector<double> x = c.x.to_vector(), W = c.W.to_vector(), b = c.b.to_vector(), dy = c.dy.to_vector();
  Results r{dy, std::vector<double>(x.size()), std::vector<double>(W.size()), std::vector<double>(b.size())};
  kernels::conv2d_spec(c.shape, x.data(), W.data(), b.data(), r.y.data());
  kernels::conv2d_gradient_spec(c.shape, x.data(), W.data(), dy.data(), r.dx.data(), r.dW.data(), r.db.data());
  return r;
}

TEST(Conv2d, MatchesTheSpec) {
  for (const Conv2dShape& shape : kConvShapes)
    for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
      SCOPED_TRACE(name(shape, dtype));
      const Case c(shape, dtype);
      const Results got = run(c), want = spec(c);
      const double bound = parity_bound(dtype);
      EXPECT_LT(nmse(got.y.data(), want.y.data(), long(want.y.size())), bound);
      EXPECT_LT(nmse(got.dx.data(), want.dx.data(), long(want.dx.size())), bound);
      EXPECT_LT(nmse(got.dW.data(), want.dW.data(), long(want.dW.size())), bound);
      EXPECT_LT(nmse(got.db.data(), want.db.data(), long(want.db.size())), bound);
    }
}

TEST(Conv2d, GradientsMatchCentralDifferences) {
  for (const Conv2dShape& shape : {Conv2dShape{2, 2, 5, 9, 3, 2, 2, 1, 0}, Conv2dShape{2, 3, 6, 5, 2, 3, 3, 1, 1},
                                   Conv2dShape{1, 2, 8, 7, 3, 3, 2, 2, 1}, Conv2dShape{1, 1, 9, 9, 2, 2, 3, 3, 2}}) {
    SCOPED_TRACE(name(shape, Dtype::f64));
    const Case c(shape, Dtype::f64);
    EXPECT_LT(gradient_gap({c.x, c.W, c.b}, [&] { return c.y(); }), kGradientBound);
    EXPECT_LT(gradient_gap({c.x, c.W}, [&] { return conv2d(c.x, c.W, {}, int(shape.stride), int(shape.padding)); }),
              kGradientBound);
  }
}

TEST(Conv2d, OnlyWantedGradientsAreComputed) {
  Case c({2, 2, 6, 6, 3, 3, 3, 1, 0}, Dtype::f32);
  EXPECT_FALSE(c.y().needs_grad());
  c.W.set_needs_grad(true);
  backward(c.y(), c.dy);
  EXPECT_TRUE(c.W.has_grad());
  EXPECT_FALSE(c.x.has_grad());
  EXPECT_FALSE(c.b.has_grad());
  const Tensor dW = Tensor::from(c.W.shape(), [&] {
    std::vector<double> g(c.W.numel());
    for (long k = 0; k < c.W.numel(); ++k) g[k] = c.W.grad_at(k);
    return g;
  }());
  EXPECT_LT(nmse(dW.data<float>(), spec(c).dW.data(), dW.numel()), parity_bound(Dtype::f32));
  c.W.set_needs_grad(false);
  c.b.set_needs_grad(true);
  c.W.clear_grad();
  backward(c.y(), c.dy);
  EXPECT_TRUE(c.b.has_grad());
  EXPECT_FALSE(c.W.has_grad());
}

TEST(Conv2d, ThreadsDoNotChangeABit) {
  for (const Conv2dShape& shape :
       {Conv2dShape{37, 20, 12, 12, 50, 5, 5, 1, 0}, Conv2dShape{50, 3, 28, 27, 18, 3, 3, 2, 1}}) {
    const Case c(shape, Dtype::f32);
    const int before = omp_get_max_threads();
    std::vector<Results> results;
    for (int threads : {1, 2, 5}) {
      omp_set_num_threads(threads);
      results.push_back(run(c));
    }
    omp_set_num_threads(before);
    EXPECT_TRUE(results[0] == results[1]);
    EXPECT_TRUE(results[0] == results[2]);
  }
}

TEST(Conv2d, AnImageIsTheSameAloneAndInABatch) {
  const Conv2dShape batch{5, 3, 13, 11, 7, 3, 3, 2, 1}, alone{1, 3, 13, 11, 7, 3, 3, 2, 1};
  Case many(batch, Dtype::f32), one(alone, Dtype::f32);
  std::copy_n(many.x.data<float>() + 3 * batch.x_size(), batch.x_size(), one.x.data<float>());
  std::copy_n(many.dy.data<float>() + 3 * batch.y_size(), batch.y_size(), one.dy.data<float>());
  const Results of_many = run(many), of_one = run(one);
  const auto part = [](const std::vector<double>& v, long size) {
    return std::vector<double>(v.begin() + 3 * size, v.begin() + 4 * size);
  };
  EXPECT_EQ(of_one.y, part(of_many.y, batch.y_size()));
  EXPECT_EQ(of_one.dx, part(of_many.dx, batch.x_size()));
}

// A NaN reaches the outputs that see it, and no other; nor does what lies past the end of a row.
TEST(Conv2d, NotANumberStaysWhereItIsSeen) {
  for (const Conv2dShape& shape : {Conv2dShape{1, 2, 12, 12, 3, 5, 5, 1, 0}, Conv2dShape{1, 2, 9, 10, 3, 3, 3, 2, 1}}) {
    SCOPED_TRACE(name(shape, Dtype::f32));
    for (float poison : {NAN, INFINITY}) {
      Case c(shape, Dtype::f32);
      c.x.data<float>()[2 * shape.width + 3] = poison;
      c.dy.data<float>()[shape.out_width() - 1] = poison;
      const Results got = run(c), want = spec(c);
      EXPECT_LT(nmse(got.y.data(), want.y.data(), long(want.y.size())), parity_bound(Dtype::f32));
      EXPECT_LT(nmse(got.dx.data(), want.dx.data(), long(want.dx.size())), parity_bound(Dtype::f32));
      Case w(shape, Dtype::f32);
      w.W.data<float>()[1] = poison;
      const Results got_w = run(w), want_w = spec(w);
      EXPECT_LT(nmse(got_w.y.data(), want_w.y.data(), long(want_w.y.size())), parity_bound(Dtype::f32));
      EXPECT_LT(nmse(got_w.dx.data(), want_w.dx.data(), long(want_w.dx.size())), parity_bound(Dtype::f32));
    }
  }
}

TEST(Conv2d, WhatDoesNotFitIsRefused) {
  const auto message = [&](const Shape& x, const Shape& W, const Shape& b, int stride, int padding) -> std::string {
    try {
      conv2d(Tensor::zeros(x), Tensor::zeros(W), Tensor::zeros(b), stride, padding);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({2, 3, 5, 5}, {4, 3, 3, 3}, {4}, 1, 0), "accepted");
  EXPECT_EQ(message({2, 75}, {4, 3, 3, 3}, {4}, 1, 0),
            "conv2d: x is [2, 75], but must be [images, channels, height, width]");
  EXPECT_EQ(message({2, 3, 5, 5}, {4, 2, 3, 3}, {4}, 1, 0),
            "conv2d: W is [4, 2, 3, 3], but x [2, 3, 5, 5] needs [out, 3, height, width]");
  EXPECT_EQ(message({2, 3, 5, 5}, {4, 3, 3, 3}, {3}, 1, 0), "conv2d: b is [3], but W has 4 output channels");
  EXPECT_EQ(message({2, 3, 5, 5}, {4, 3, 3, 3}, {4}, 0, 0),
            "conv2d: stride is 0 and padding 0, but must be at least 1 and 0");
  EXPECT_EQ(message({2, 3, 5, 5}, {4, 3, 3, 3}, {4}, 1, -1),
            "conv2d: stride is 1 and padding -1, but must be at least 1 and 0");
  EXPECT_EQ(message({2, 3, 5, 2}, {4, 3, 3, 5}, {4}, 1, 1),
            "conv2d: W is [4, 3, 3, 5], but x [2, 3, 5, 2] with padding 1 has no room for its kernel");
  EXPECT_THROW(conv2d(Tensor::zeros({1, 1, 3, 3}), Tensor::zeros({1, 1, 2, 2}, Dtype::f64), {}), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
