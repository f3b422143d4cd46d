#include "kernels/pair_conv/pair_conv.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <numeric>

#include "autograd/ops.h"
#include "kernels/pair_conv/pair_conv_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::PairConvShape;

Layout layout_of(std::vector<PairMember> members, int tile = PairLayout::kTile) {
  return std::make_shared<const PairLayout>(std::move(members), tile);
}
Layout chains(const std::vector<long>& lengths, int tile = PairLayout::kTile) {
  std::vector<PairMember> members;
  for (long length : lengths) members.push_back(single_chain(length));
  return layout_of(std::move(members), tile);
}
// Chains one behind the other in one map.
PairMember complex_of(const std::vector<long>& lengths) {
  PairMember all;
  for (std::size_t c = 0; c < lengths.size(); ++c)
    for (long i = 0; i < lengths[c]; ++i) {
      all.segment.push_back(std::uint8_t(c));
      all.position.push_back(int(i));
    }
  return all;
}
// Two windows cut out of one chain.
PairMember crop(int first, int count, int second, int second_count) {
  PairMember member = single_chain(count + second_count);
  for (int i = 0; i < count + second_count; ++i) member.position[i] = i < count ? first + i : second + i - count;
  return member;
}

Tensor weights(const PairConvShape& s, Dtype dtype, unsigned seed) {
  return random_normal(s.tied ? Shape{s.out, s.in, 6} : Shape{s.out, s.in, 3, 3}, acc_of(dtype), seed);
}
std::vector<double> dense_weights(const PairConvShape& s, const Tensor& W) {
  const std::vector<double> w = W.to_vector();
  return s.tied ? kernels::untie(w.data(), s.out, s.in) : w;
}
Tie tie_of(const PairConvShape& s) {
  return s.tied ? Tie::transpose : Tie::none;
}

// y, dx, dW and db of the op for a given dy.
struct Results {
  std::vector<double> y, dx, dW, db;
};
Results run(const Layout& layout, const PairConvShape& s, const Tensor& x0, const Tensor& W0, const Tensor& b0,
            const Tensor& dy) {
  const Tensor x = x0.copy(), W = W0.copy(), b = b0.copy();
  for (Tensor t : {x, W, b}) t.set_needs_grad(true);
  const Tensor y = pair_conv(layout, x, W, b, s.dilation, tie_of(s));
  backward(y, dy);
  const auto gradient = [](const Tensor& t) {
    std::vector<double> g(t.numel());
    for (long k = 0; k < t.numel(); ++k) g[k] = t.grad_at(k);
    return g;
  };
  return {y.to_vector(), gradient(x), gradient(W), gradient(b)};
}
Results run(const Layout& layout, const PairConvShape& s, Dtype dtype) {
  return run(layout, s, random_normal({layout->pairs(), s.in}, dtype, 1), weights(s, dtype, 2),
             random_normal({s.out}, acc_of(dtype), 3), random_normal({layout->pairs(), s.out}, dtype, 4));
}

// The same by the dense spec in double, on the same rounded inputs.
Results spec(const Layout& layout, const PairConvShape& s, Dtype dtype) {
  const long pairs = layout->pairs();
  const std::vector<double> x = random_normal({pairs, s.in}, dtype, 1).to_vector(),
                            W = dense_weights(s, weights(s, dtype, 2)),
                            b = random_normal({s.out}, acc_of(dtype), 3).to_vector(),
                            dy = random_normal({pairs, s.out}, dtype, 4).to_vector();
  Results r{std::vector<double>(pairs * s.out), std::vector<double>(pairs * s.in), {}, std::vector<double>(s.out)};
  std::vector<double> dW(W.size());
  kernels::pair_conv_spec(layout->view(), s, {x.data(), pairs, s.in}, W.data(), b.data(), {r.y.data(), pairs, s.out});
  kernels::pair_conv_gradient_spec(layout->view(), s, {x.data(), pairs, s.in}, W.data(), {dy.data(), pairs, s.out},
                                   {r.dx.data(), pairs, s.in}, dW.data(), r.db.data());
  if (!s.tied) {
    r.dW = dW;
    return r;
  }
  constexpr int kFirst[6] = {0, 4, 8, 1, 2, 5}, kMirror[6] = {0, 4, 8, 3, 6, 7};
  for (long k = 0; k < s.out * s.in; ++k)
    for (int t = 0; t < 6; ++t)
      r.dW.push_back(dW[k * 9 + kFirst[t]] + (kFirst[t] != kMirror[t] ? dW[k * 9 + kMirror[t]] : 0));
  return r;
}

void expect_match(const Layout& layout, const PairConvShape& s) {
  for (Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16}) {
    SCOPED_TRACE(::testing::Message() << name_of(dtype) << ", " << layout->pairs() << " pairs, " << s.in << " -> "
                                      << s.out << ", dilation " << s.dilation << (s.tied ? ", tied" : ", free"));
    const Results got = run(layout, s, dtype), want = spec(layout, s, dtype);
    const double bound = parity_bound(acc_of(dtype));
    EXPECT_LT(nmse(got.y.data(), want.y.data(), long(want.y.size())), parity_bound(dtype));
    EXPECT_LT(nmse(got.dx.data(), want.dx.data(), long(want.dx.size())), parity_bound(dtype));
    EXPECT_LT(nmse(got.dW.data(), want.dW.data(), long(want.dW.size())), bound);
    EXPECT_LT(nmse(got.db.data(), want.db.data(), long(want.db.size())), bound);
  }
}

TEST(PairConv, MatchesTheDenseSymmetricConvolution) {
  for (bool tied : {false, true})
    for (int dilation : {1, 2, 4, 8, 16}) {
      for (long length : {0, 1, 2, 5, 16, 17, 33, 48, 65}) expect_match(chains({length}), {3, 5, dilation, tied});
      for (long tile : {7, 32}) expect_match(chains({33}, int(tile)), {8, 3, dilation, tied});
    }
}
TEST(PairConv, MatchesForAnyNumberOfChannels) {
  for (bool tied : {false, true})
    for (auto [in, out] : {std::pair{1, 1}, {1, 16}, {16, 1}, {7, 17}, {31, 33}, {32, 32}, {33, 31}, {64, 64}, {65, 8}})
      expect_match(chains({19}), {in, out, 2, tied});
}
TEST(PairConv, MatchesOnComplexesCropsAndRaggedBatches) {
  for (bool tied : {false, true})
    for (int dilation : {1, 2, 4}) {
      expect_match(layout_of({complex_of({9, 1, 14})}), {4, 3, dilation, tied});
      expect_match(layout_of({crop(3, 11, 20, 13)}), {4, 3, dilation, tied});
      expect_match(layout_of({single_chain(21), complex_of({5, 18}), single_chain(0), crop(0, 3, 40, 30)}),
                   {4, 3, dilation, tied});
    }
}

TEST(PairConv, GradientMatchesCentralDifferences) {
  for (bool tied : {false, true})
    for (int dilation : {1, 2, 3, 8}) {
      SCOPED_TRACE(::testing::Message() << "dilation " << dilation << (tied ? ", tied" : ", free"));
      const PairConvShape s{2, 3, dilation, tied};
      const Layout layout = layout_of({single_chain(7), complex_of({4, 3})});
      const Tensor x = random_normal({layout->pairs(), 2}, Dtype::f64, 1), W = weights(s, Dtype::f64, 2),
                   b = random_normal({3}, Dtype::f64, 3);
      EXPECT_LT(gradient_gap({x, W, b}, [&] { return pair_conv(layout, x, W, b, dilation, tie_of(s)); }),
                kGradientBound);
      EXPECT_LT(gradient_gap({x, W}, [&] { return pair_conv(layout, x, W, {}, dilation, tie_of(s)); }), kGradientBound);
      EXPECT_LT(gradient_gap({b}, [&] { return pair_conv(layout, x.detach(), W.detach(), b, dilation, tie_of(s)); }),
                kGradientBound);
    }
}

// Where mistakes hide: dx(i,i) gets each dense gradient once, and its neighbours get both.
TEST(PairConv, DiagonalGradientsByName) {
  const PairConvShape s{1, 1, 1, false};
  const Layout layout = chains({3});  // pairs 00 01 02 11 12 22
  Tensor W = Tensor::zeros({1, 1, 3, 3}, Dtype::f64), dy = Tensor::zeros({6, 1}, Dtype::f64);
  const Tensor x = Tensor::full({6, 1}, 1, Dtype::f64), b = Tensor::zeros({1}, Dtype::f64);
  for (int t = 0; t < 9; ++t) W.data<double>()[t] = std::pow(10, t);
  dy.data<double>()[3] = 1;  // y(1,1) reads (0,0) (0,1) (0,2) (1,0) (1,1) (1,2) (2,0) (2,1) (2,2) at taps 0 .. 8
  EXPECT_EQ(run(layout, s, x, W, b, dy).dx, (std::vector<double>{1, 1010, 1000100, 10000, 10100000, 100000000}));
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(PairConv, BackwardIsTheAdjoint) {
  for (bool tied : {false, true})
    for (int dilation : {1, 2, 5, 16}) {
      const PairConvShape s{5, 7, dilation, tied};
      const Layout layout = layout_of({single_chain(65), complex_of({18, 29})});
      const Tensor x = random_normal({layout->pairs(), 5}, Dtype::f64, 1), W = weights(s, Dtype::f64, 2),
                   zero = Tensor::zeros({7}, Dtype::f64), dy = random_normal({layout->pairs(), 7}, Dtype::f64, 4);
      const Results r = run(layout, s, x, W, zero, dy);
      const double y_dy = dot(r.y, dy.to_vector()),
                   size = std::sqrt(dot(r.y, r.y) * dot(dy.to_vector(), dy.to_vector()));
      EXPECT_LT(std::abs(dot(x.to_vector(), r.dx) - y_dy) / size, 1e-12);
      EXPECT_LT(std::abs(dot(W.to_vector(), r.dW) - y_dy) / size, 1e-12);
    }
}

TEST(PairConv, TiedEqualsFreeWithEqualMatrices) {
  for (int dilation : {1, 3, 16}) {
    const PairConvShape tied{4, 6, dilation, true}, free{4, 6, dilation, false};
    const Layout layout = chains({37});
    const Tensor W = weights(tied, Dtype::f64, 2), x = random_normal({layout->pairs(), 4}, Dtype::f64, 1),
                 b = random_normal({6}, Dtype::f64, 3), dy = random_normal({layout->pairs(), 6}, Dtype::f64, 4);
    const Results six = run(layout, tied, x, W, b, dy);
    const Results nine = run(layout, free, x, Tensor::from({6, 4, 3, 3}, dense_weights(tied, W), Dtype::f64), b, dy);
    EXPECT_LT(nmse(six.y.data(), nine.y.data(), long(six.y.size())), parity_bound(Dtype::f64));
    EXPECT_LT(nmse(six.dx.data(), nine.dx.data(), long(six.dx.size())), parity_bound(Dtype::f64));
  }
}

TEST(PairConv, TiedKeepsTheDenseMapSymmetric) {
  const PairConvShape s{3, 2, 2, true};
  const Layout layout = chains({13});
  const std::vector<double> x = random_normal({layout->pairs(), 3}, Dtype::f64, 1).to_vector(),
                            W = dense_weights(s, weights(s, Dtype::f64, 2));
  const std::vector<double> y =
      kernels::dense_conv_spec(layout->map(0), s, {x.data(), layout->pairs(), 3}, W.data(), nullptr);
  for (int i = 0; i < 13; ++i)
    for (int j = 0; j < 13; ++j)
      for (int o = 0; o < 2; ++o) EXPECT_NEAR(y[(i * 13 + j) * 2 + o], y[(j * 13 + i) * 2 + o], 1e-13);
}

// Rows [first, first + pair_count(length)) of a result, the block of one chain or protein.
std::vector<double> rows_of(const std::vector<double>& all, const PairMap& map, int first, int last, long cols) {
  std::vector<double> block;
  for (int i = first; i < last; ++i)
    for (int j = i; j < last; ++j)
      block.insert(block.end(), all.begin() + map.row(i, j) * cols, all.begin() + (map.row(i, j) + 1) * cols);
  return block;
}

// Chain B is poisoned with NaN, and so is the rectangle; the block A-A must not move by a bit.
TEST(PairConv, NoTapCrossesChainsOrGaps) {
  for (bool tied : {false, true})
    for (const PairMember& member : {complex_of({10, 12}), crop(0, 10, 30, 12)}) {
      const PairConvShape s{3, 3, 2, tied};
      const Layout layout = layout_of({member});
      const PairMap& map = layout->map(0);
      Tensor x = random_normal({layout->pairs(), 3}, Dtype::f32, 1), dy = random_normal(x.shape(), Dtype::f32, 4);
      const Tensor W = weights(s, Dtype::f32, 2), b = random_normal({3}, Dtype::f32, 3);
      const Results clean = run(layout, s, x, W, b, dy);
      for (int i = 0; i < 22; ++i)
        for (int j = std::max(i, 10); j < 22; ++j)
          for (int c = 0; c < 3; ++c)
            x.value<float>().row(map.row(i, j))[c] = dy.value<float>().row(map.row(i, j))[c] = NAN;
      const Results poisoned = run(layout, s, x, W, b, dy);
      EXPECT_EQ(rows_of(clean.y, map, 0, 10, 3), rows_of(poisoned.y, map, 0, 10, 3));
      EXPECT_EQ(rows_of(clean.dx, map, 0, 10, 3), rows_of(poisoned.dx, map, 0, 10, 3));
      EXPECT_TRUE(std::isnan(poisoned.y[map.row(0, 10) * 3]));
    }
}

// One NaN reaches exactly the pairs that have it under a tap.
TEST(PairConv, NotANumberReachesItsNeighboursOnly) {
  const Layout layout = chains({40});
  const PairMap& map = layout->map(0);
  Tensor x = random_normal({layout->pairs(), 9}, Dtype::f32, 1);
  x.value<float>().row(map.row(20, 22))[4] = NAN;
  for (bool tied : {false, true}) {
    const PairConvShape s{9, 3, 3, tied};
    const Tensor y = pair_conv(layout, x, weights(s, Dtype::f32, 2), {}, 3, tie_of(s));
    const auto near = [](int i, int j) {
      return std::abs(i - 20) % 3 == 0 && std::abs(i - 20) <= 3 && std::abs(j - 22) % 3 == 0 && std::abs(j - 22) <= 3;
    };
    for (int i = 0; i < 40; ++i)
      for (int j = i; j < 40; ++j)
        EXPECT_EQ(std::isnan(y.at(map.row(i, j) * 3)), near(i, j) || near(j, i)) << i << " " << j;
  }
}

TEST(PairConv, AProteinIsTheSameAloneAndInABatch) {
  for (bool tied : {false, true}) {
    const PairConvShape s{6, 20, 2, tied};
    const Layout alone = chains({41}), batch = chains({70, 41, 8});
    const PairMap& map = batch->map(1);
    const Tensor W = weights(s, Dtype::f32, 2), b = random_normal({20}, Dtype::f32, 3);
    const Tensor x = random_normal({alone->pairs(), 6}, Dtype::f32, 1),
                 dy = random_normal({alone->pairs(), 20}, Dtype::f32, 4);
    const Tensor all_x = Tensor::full({batch->pairs(), 6}, NAN), all_dy = Tensor::full({batch->pairs(), 20}, NAN);
    std::copy_n(x.data<float>(), x.numel(), all_x.value<float>().row(map.first_pair));
    std::copy_n(dy.data<float>(), dy.numel(), all_dy.value<float>().row(map.first_pair));
    const Results one = run(alone, s, x, W, b, dy), many = run(batch, s, all_x, W, b, all_dy);
    EXPECT_EQ(one.y, rows_of(many.y, map, 0, 41, 20));
    EXPECT_EQ(one.dx, rows_of(many.dx, map, 0, 41, 6));
  }
}

TEST(PairConv, GradientsOfOtherProteinsAreZero) {
  const PairConvShape s{6, 5, 4, false};
  const Layout layout = chains({12, 30});
  const Tensor dy = random_normal({layout->pairs(), 5}, Dtype::f32, 4);
  std::fill_n(dy.data<float>(), pair_count(12) * 5, 0.f);
  const Results r = run(layout, s, random_normal({layout->pairs(), 6}, Dtype::f32, 1), weights(s, Dtype::f32, 2),
                        Tensor::zeros({5}), dy);
  EXPECT_EQ(rows_of(r.dx, layout->map(0), 0, 12, 6), std::vector<double>(pair_count(12) * 6));
}

TEST(PairConv, RepeatsToTheBitForAnyNumberOfThreads) {
  const int threads = omp_get_max_threads();
  for (bool tied : {false, true}) {
    const PairConvShape s{24, 40, 2, tied};
    const Layout layout = chains({90, 50});
    const auto with = [&](int n) {
      omp_set_num_threads(n);
      return run(layout, s, Dtype::f32);
    };
    const Results one = with(1);
    for (int n : {1, 2, 3}) {
      const Results again = with(n);
      EXPECT_EQ(one.y, again.y);
      EXPECT_EQ(one.dx, again.dx);
      EXPECT_EQ(one.dW, again.dW);
      EXPECT_EQ(one.db, again.db);
    }
    omp_set_num_threads(threads);
  }
}

// Where the tiles are cut decides who works, not what comes out.
TEST(PairConv, TilesAndTheOrderOfProteinsDoNotChangeABit) {
  const PairConvShape s{10, 18, 2, true};
  const Layout forth = chains({50, 23}), back = chains({23, 50}, 13);
  const Tensor x = random_normal({forth->pairs(), 10}, Dtype::f32, 1),
               dy = random_normal({forth->pairs(), 18}, Dtype::f32, 4), W = weights(s, Dtype::f32, 2),
               b = random_normal({18}, Dtype::f32, 3);
  const auto swapped = [&](const Tensor& t) {
    const Tensor to(t.shape());
    const long first = pair_count(50) * t.cols();
    std::rotate_copy(t.data<float>(), t.data<float>() + first, t.data<float>() + t.numel(), to.data<float>());
    return to;
  };
  const Results a = run(forth, s, x, W, b, dy), z = run(back, s, swapped(x), W, b, swapped(dy));
  for (int m : {0, 1}) {
    const int length = m == 0 ? 50 : 23;
    EXPECT_EQ(rows_of(a.y, forth->map(m), 0, length, 18), rows_of(z.y, back->map(1 - m), 0, length, 18));
    EXPECT_EQ(rows_of(a.dx, forth->map(m), 0, length, 10), rows_of(z.dx, back->map(1 - m), 0, length, 10));
  }
  EXPECT_LT(nmse(z.dW.data(), a.dW.data(), long(a.dW.size())), parity_bound(Dtype::f32));
}

TEST(PairConv, WhatDoesNotFitIsRefused) {
  const Layout layout = chains({4});
  const auto message = [&](const Tensor& x, const Tensor& W, const Tensor& b, int dilation, Tie tie) -> std::string {
    try {
      pair_conv(layout, x, W, b, dilation, tie);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  const Tensor x = Tensor::zeros({10, 2}), W = Tensor::zeros({5, 2, 3, 3}), b = Tensor::zeros({5});
  EXPECT_EQ(message(Tensor::zeros({9, 2}), W, b, 1, Tie::none), "pair_conv: x has 9 rows, but the layout has 10 pairs");
  EXPECT_EQ(message(x, Tensor::zeros({5, 3, 3, 3}), b, 1, Tie::none),
            "pair_conv: W is [5, 3, 3, 3], but x [10, 2] needs [5, 2, 3, 3]");
  EXPECT_EQ(message(x, W, b, 1, Tie::transpose), "pair_conv: W is [5, 2, 3, 3], but x [10, 2] needs [5, 2, 6]");
  EXPECT_EQ(message(x, W, Tensor::zeros({4}), 1, Tie::none), "pair_conv: b is [4], but W has 5 output channels");
  EXPECT_EQ(message(x, W, b, 0, Tie::none), "pair_conv: dilation is 0, but must be at least 1");
  EXPECT_EQ(message(x, W, b, 1, Tie::none), "accepted");
}

}  // namespace
}  // namespace heartbeat
