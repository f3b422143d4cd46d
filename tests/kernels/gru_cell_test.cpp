#include "kernels/gru_cell/gru_cell.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "autograd/ops.h"
#include "kernels/gru_cell/gru_cell_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// m, h, W_ih, W_hh, b_ih, b_hh; weights of the size a network starts with, so that no gate saturates.
std::vector<Tensor> random_inputs(long n, long k, long d, Dtype dtype) {
  std::vector<Tensor> all;
  unsigned seed = 1;
  for (const Shape& shape : {Shape{n, k}, {n, d}, {3 * d, k}, {3 * d, d}, {3 * d}, {3 * d}}) {
    const Dtype stored = seed < 3 ? dtype : acc_of(dtype);
    all.push_back(random_normal(shape, stored, seed++));
    if (seed > 3)
      dispatch_wide("test", Device::cpu, stored, [&]<class T>(auto, Type<T>) {
        for (long e = 0; e < all.back().numel(); ++e) all.back().data<T>()[e] *= T(1 / std::sqrt(double(d)));
      });
  }
  return all;
}

Tensor gru_cell(const std::vector<Tensor>& t) {
  return heartbeat::gru_cell(t[0], t[1], t[2], t[3], t[4], t[5]);
}

template <class T>
double parity_gap(long n, long k, long d) {
  const std::vector<Tensor> in = random_inputs(n, k, d, dtype_of<T>);
  const Tensor y = gru_cell(in);
  std::vector<std::vector<double>> wide;
  for (const Tensor& t : in) wide.push_back(t.to_vector());
  std::vector<double> want(n * d);
  const auto view = [&](int which) {
    return Matrix<const double>{wide[which].data(), in[which].rows(), in[which].cols()};
  };
  kernels::gru_cell_spec({view(2), view(3), view(4), view(5)}, view(0), view(1), {want.data(), n, d});
  return nmse(y.data<T>(), want.data(), y.numel());
}

TEST(GruCell, MatchesTheSpec) {
  for (long n : {0, 1, 31, 32, 33, 64, 65, 150})
    for (auto [k, d] : {std::pair{1L, 1L}, {31L, 33L}, {32L, 32L}, {33L, 31L}, {96L, 96L}}) {
      SCOPED_TRACE(::testing::Message() << n << " rows, message " << k << ", state " << d);
      EXPECT_LT(parity_gap<float>(n, k, d), parity_bound(Dtype::f32));
      EXPECT_LT(parity_gap<double>(n, k, d), parity_bound(Dtype::f64));
      EXPECT_LT(parity_gap<bf16>(n, k, d), parity_bound(Dtype::bf16));
    }
}

// One row, two state channels, every sum written out.
TEST(GruCell, FollowsTheEquationsOfPyTorchsGruCell) {
  const double m = 0.5, h0 = -1, h1 = 2;
  const Tensor W_ih = Tensor::from({6, 1}, {0.1, -0.2, 0.3, -0.4, 0.5, -0.6}, Dtype::f64);
  const Tensor W_hh =
      Tensor::from({6, 2}, {0.7, -0.1, 0.2, 0.3, -0.5, 0.4, 0.6, 0.1, -0.3, 0.8, 0.9, -0.7}, Dtype::f64);
  const Tensor b_ih = Tensor::from({6}, {0.01, 0.02, 0.03, 0.04, 0.05, 0.06}, Dtype::f64);
  const Tensor b_hh = Tensor::from({6}, {-0.11, 0.12, -0.13, 0.14, -0.15, 0.16}, Dtype::f64);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double r0 = sigmoid(0.1 * m + 0.01 + 0.7 * h0 - 0.1 * h1 - 0.11);
  const double r1 = sigmoid(-0.2 * m + 0.02 + 0.2 * h0 + 0.3 * h1 + 0.12);
  const double z0 = sigmoid(0.3 * m + 0.03 - 0.5 * h0 + 0.4 * h1 - 0.13);
  const double z1 = sigmoid(-0.4 * m + 0.04 + 0.6 * h0 + 0.1 * h1 + 0.14);
  const double n0 = std::tanh(0.5 * m + 0.05 + r0 * (-0.3 * h0 + 0.8 * h1 - 0.15));
  const double n1 = std::tanh(-0.6 * m + 0.06 + r1 * (0.9 * h0 - 0.7 * h1 + 0.16));

  const Tensor y = heartbeat::gru_cell(Tensor::from({1, 1}, {m}, Dtype::f64),
                                       Tensor::from({1, 2}, {h0, h1}, Dtype::f64), W_ih, W_hh, b_ih, b_hh);
  EXPECT_NEAR(y.at(0), (1 - z0) * n0 + z0 * h0, 1e-15);
  EXPECT_NEAR(y.at(1), (1 - z1) * n1 + z1 * h1, 1e-15);
}

TEST(GruCell, GradientMatchesCentralDifferences) {
  for (auto [n, k, d] : {std::tuple{1L, 1L, 1L}, {5L, 3L, 2L}, {3L, 2L, 33L}, {67L, 2L, 3L}}) {
    SCOPED_TRACE(::testing::Message() << n << " rows, message " << k << ", state " << d);
    const std::vector<Tensor> in = random_inputs(n, k, d, Dtype::f64);
    EXPECT_LT(gradient_gap(in, [&] { return gru_cell(in); }), kGradientBound);
  }
}

// Gradients of all six inputs, one after the other.
std::vector<double> gradients(Dtype dtype, int threads) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  std::vector<Tensor> in = random_inputs(150, 33, 40, dtype);
  for (Tensor& t : in) t.set_needs_grad(true);
  const Tensor y = gru_cell(in);
  backward(y, random_normal(y.shape(), dtype, 9));
  omp_set_num_threads(before);
  std::vector<double> all;
  for (const Tensor& t : in)
    for (long e = 0; e < t.numel(); ++e) all.push_back(t.grad_at(e));
  return all;
}

TEST(GruCell, GradientsInF32FollowThoseInF64) {
  const std::vector<double> narrow = gradients(Dtype::f32, 2), wide = gradients(Dtype::f64, 2);
  EXPECT_LT(nmse(narrow.data(), wide.data(), long(wide.size())), parity_bound(Dtype::f32));
}

TEST(GruCell, RepeatsToTheBitForAnyNumberOfThreads) {
  EXPECT_EQ(gradients(Dtype::f32, 1), gradients(Dtype::f32, 3));
}

// A state and message used as one tensor, and parameters that are held fixed.
TEST(GruCell, OnlyWhatNeedsAGradientGetsOne) {
  std::vector<Tensor> in = random_inputs(4, 3, 3, Dtype::f64);
  EXPECT_LT(gradient_gap({in[1]}, [&] { return heartbeat::gru_cell(in[1], in[1], in[2], in[3], in[4], in[5]); }),
            kGradientBound);
  for (int which : {2, 3, 4, 5}) EXPECT_FALSE(in[which].has_grad()) << "input " << which;
  in[1].set_needs_grad(false);
  EXPECT_LT(gradient_gap({in[5]}, [&] { return gru_cell(in); }), kGradientBound);
}

TEST(GruCell, SaturatedGatesAreExactAndNotANumberStaysInItsRow) {
  std::vector<Tensor> in = random_inputs(3, 2, 2, Dtype::f32);
  for (long j = 2; j < 4; ++j) in[4].data<float>()[j] = 1000;  // z = 1: the state passes
  in[0].data<float>()[2] = NAN;                                // row 1
  const Tensor y = gru_cell(in);
  for (long e : {0, 1, 4, 5}) EXPECT_EQ(y.at(e), in[1].at(e));
  for (long e : {2, 3}) EXPECT_TRUE(std::isnan(y.at(e)));
}

TEST(GruCell, ShapesThatDoNotFitAreRefused) {
  const auto complaint = [](std::vector<Shape> shapes) -> std::string {
    std::vector<Tensor> in;
    for (const Shape& shape : shapes) in.push_back(Tensor::zeros(shape));
    try {
      gru_cell(in);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(complaint({{4, 3}, {5, 2}, {6, 3}, {6, 2}, {6}, {6}}), "gru_cell: M has 4 rows, but H has 5");
  EXPECT_EQ(complaint({{5, 3}, {5, 2}, {6, 2}, {6, 2}, {6}, {6}}),
            "gru_cell: W_ih is [6, 2], not [3d, columns of M] = [6, 3]");
  EXPECT_EQ(complaint({{5, 3}, {5, 2}, {6, 3}, {4, 2}, {6}, {6}}), "gru_cell: W_hh is [4, 2], not [3d, d] = [6, 2]");
  EXPECT_EQ(complaint({{5, 3}, {5, 2}, {6, 3}, {6, 2}, {6}, {4}}), "gru_cell: biases are [6] and [4], not [3d] = [6]");
  EXPECT_EQ(complaint({{5, 3}, {5, 2}, {6, 3}, {6, 2}, {6}, {6}}), "accepted");
}

}  // namespace
}  // namespace heartbeat
