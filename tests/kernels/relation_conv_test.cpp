#include "kernels/relation_conv/relation_conv.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>

#include "autograd/ops.h"
#include "kernels/relation_conv/relation_conv_spec.h"
#include "tests/support/chains.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

const std::vector<int> kOffsets = {0, -1, 1, -2, 2}, kDilated = {0, -4, 4, -8, 8}, kLopsided = {3, -1};

template <class T>
void expect_parity(const Layout& layout, const std::vector<int>& offsets, long in, long out) {
  using A = Acc<T>;
  const long n = layout->residues(), rows = long(offsets.size()) * in;
  const PairBatch batch = layout->view();
  const Tensor x = random_normal({n, in}, dtype_of<T>, 1), W = random_normal({rows, out}, dtype_of<A>, 2);
  const Tensor dy = random_normal({n, out}, dtype_of<T>, 3), y({n, out}, dtype_of<T>);
  const Tensor dx = random_normal({n, in}, dtype_of<T>, 4), dW = random_normal({rows, out}, dtype_of<A>, 5);
  std::vector<double> xd = x.to_vector(), Wd = W.to_vector(), dyd = dy.to_vector();
  std::vector<double> want(n * out), want_dx = dx.to_vector(), want_dW = dW.to_vector();

  kernels::relation_conv<T>(Cpu{}, batch, offsets, x.value<T>(), W.value<A>(), y.value<T>());
  kernels::relation_conv_adjoint_x_accumulate<T>(Cpu{}, batch, offsets, dy.value<T>(), W.value<A>(), dx.value<T>());
  kernels::relation_conv_adjoint_W_accumulate<T>(Cpu{}, batch, offsets, x.value<T>(), dy.value<T>(), dW.value<A>());
  kernels::relation_conv_spec(batch, offsets, {xd.data(), n, in}, {Wd.data(), rows, out}, {want.data(), n, out});
  kernels::relation_conv_adjoint_spec(batch, offsets, {xd.data(), n, in}, {Wd.data(), rows, out}, {dyd.data(), n, out},
                                      {want_dx.data(), n, in}, {want_dW.data(), rows, out});
  EXPECT_LT(nmse(y.data<T>(), want.data(), y.numel()), parity_bound(dtype_of<T>));
  EXPECT_LT(nmse(dx.data<T>(), want_dx.data(), dx.numel()), parity_bound(dtype_of<T>));
  EXPECT_LT(nmse(dW.data<A>(), want_dW.data(), dW.numel()), parity_bound(dtype_of<A>));
}

TEST(RelationConv, MatchesTheSpec) {
  for (const Layout& layout : {layout_of(awkward_members()), layout_of({}), layout_of({single_chain(300)})})
    for (const auto& offsets : {kOffsets, kDilated, kLopsided})
      for (auto [in, out] : {std::pair{1L, 1L}, {31L, 33L}, {32L, 32L}, {33L, 31L}, {96L, 5L}}) {
        SCOPED_TRACE(::testing::Message()
                     << layout->residues() << " residues, " << in << " -> " << out << ", offset " << offsets.back());
        expect_parity<float>(layout, offsets, in, out);
        expect_parity<double>(layout, offsets, in, out);
        expect_parity<bf16>(layout, offsets, in, out);
      }
}

TEST(RelationConv, GradientMatchesCentralDifferences) {
  const Layout layout = layout_of(
      {single_chain(9), member_of({{0, 0, 4}, {1, 0, 3}}), member_of({{0, 2, 5}, {0, 7, 11}}), single_chain(1)});
  for (const auto& offsets : {kOffsets, kDilated, kLopsided}) {
    SCOPED_TRACE(::testing::Message() << "offset " << offsets.back());
    const Tensor x = random_normal({layout->residues(), 3}, Dtype::f64, 1);
    const Tensor W = random_normal({long(offsets.size()), 3, 4}, Dtype::f64, 2);
    EXPECT_LT(gradient_gap({x, W}, [&] { return relation_conv(layout, x, W, offsets); }), kGradientBound);
  }
}

// One relation with an identity matrix shifts the rows, so every neighbour can be read off.
std::vector<double> shifted(const Layout& layout, int offset) {
  Tensor x({layout->residues(), 1}, Dtype::f64);
  for (long i = 0; i < x.rows(); ++i) x.data<double>()[i] = double(i + 1);
  return relation_conv(layout, x, Tensor::full({1, 1, 1}, 1, Dtype::f64), {offset}).to_vector();
}

TEST(RelationConv, ANeighbourIsOfTheSameChainAndExactlyTheOffsetAway) {
  using Row = std::vector<double>;
  EXPECT_EQ(shifted(layout_of({single_chain(3), single_chain(2)}), 1), (Row{2, 3, 0, 5, 0}));
  EXPECT_EQ(shifted(layout_of({single_chain(3), single_chain(2)}), -2), (Row{0, 0, 1, 0, 0}));
  EXPECT_EQ(shifted(layout_of({member_of({{0, 0, 2}, {1, 0, 3}})}), 1), (Row{2, 0, 4, 5, 0}));
  // Positions 4 5 8 9: adjacent rows 1 and 2 are three apart.
  const Layout gap = layout_of({member_of({{0, 4, 6}, {0, 8, 10}})});
  EXPECT_EQ(shifted(gap, 1), (Row{2, 0, 4, 0}));
  EXPECT_EQ(shifted(gap, 3), (Row{0, 3, 0, 0}));
  EXPECT_EQ(shifted(gap, -4), (Row{0, 0, 1, 2}));
  // Chain 0 goes on after chain 1.
  EXPECT_EQ(shifted(layout_of({member_of({{0, 0, 2}, {1, 0, 2}, {0, 2, 3}})}), 1), (Row{2, 5, 4, 0, 0}));
}

TEST(RelationConv, AProteinAloneEqualsItselfInABatchToTheBit) {
  const Layout together = layout_of(awkward_members());
  const Tensor W = random_normal({5, 96, 96}, Dtype::f32, 2);
  const auto run = [&](const Layout& layout, const Tensor& x) {
    const Tensor y = relation_conv(layout, x, W, kOffsets);
    const Tensor dx = Tensor::zeros(x.shape());
    kernels::relation_conv_adjoint_x_accumulate<float>(Cpu{}, layout->view(), kOffsets, x.value<float>(),
                                                       W.reshape({5 * 96, 96}).value<float>(), dx.value<float>());
    return std::pair{y, dx};
  };
  const Tensor x = random_normal({together->residues(), 96}, Dtype::f32, 1);
  const auto [y, dx] = run(together, x);
  for (long m = 0; m < together->size(); ++m) {
    SCOPED_TRACE(::testing::Message() << "protein " << m);
    const PairMap& map = together->map(m);
    const Tensor own({map.length, 96});
    const size_t bytes = own.numel() * sizeof(float);
    std::memcpy(own.data<float>(), x.value<float>().row(map.first_residue), bytes);
    const auto [y_alone, dx_alone] = run(layout_of({together->member(m)}), own);
    EXPECT_EQ(std::memcmp(y_alone.data<float>(), y.value<float>().row(map.first_residue), bytes), 0);
    EXPECT_EQ(std::memcmp(dx_alone.data<float>(), dx.value<float>().row(map.first_residue), bytes), 0);
  }
}

TEST(RelationConv, RepeatsToTheBitForAnyNumberOfThreads) {
  const Layout layout = layout_of({single_chain(200), single_chain(130)});
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    Tensor x = random_normal({330, 64}, Dtype::f32, 1), W = random_normal({5, 64, 64}, Dtype::f32, 2);
    x.set_needs_grad(true);
    W.set_needs_grad(true);
    const Tensor y = relation_conv(layout, x, W, kOffsets);
    backward(y, random_normal({330, 64}, Dtype::f32, 3));
    omp_set_num_threads(before);
    std::vector<double> all = y.to_vector();
    for (long k = 0; k < x.numel(); ++k) all.push_back(x.grad_at(k));
    for (long k = 0; k < W.numel(); ++k) all.push_back(W.grad_at(k));
    return all;
  };
  EXPECT_EQ(run(1), run(3));
}

TEST(RelationConv, NotANumberReachesItsNeighboursOnly) {
  const Layout layout = layout_of({single_chain(5), single_chain(2)});
  const Tensor x = Tensor::from({7, 1}, {0, 0, NAN, 0, 0, INFINITY, 0});
  const Tensor y = relation_conv(layout, x, Tensor::full({2, 1, 1}, 1), {0, -1});
  for (long i = 0; i < 5; ++i) EXPECT_EQ(std::isnan(y.at(i)), i == 2 || i == 3) << "residue " << i;
  EXPECT_EQ(y.at(5), INFINITY);
  EXPECT_EQ(y.at(6), INFINITY);
}

TEST(RelationConv, ShapesThatDoNotFitAreRefused) {
  const Layout layout = layout_of({single_chain(5)});
  const auto complaint = [&](Shape x, Shape W, std::vector<int> offsets) -> std::string {
    try {
      relation_conv(layout, Tensor::zeros(x), Tensor::zeros(W), offsets);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(complaint({4, 2}, {1, 2, 3}, {0}), "relation_conv: X has 4 rows, but the batch has 5 residues");
  EXPECT_EQ(complaint({5, 2}, {1, 3, 3}, {0}),
            "relation_conv: W is [1, 3, 3], not [relations, in, out] with in = 2, the columns of X");
  EXPECT_EQ(complaint({5, 2}, {2, 2, 3}, {0}), "relation_conv: W has 2 relations, but 1 offsets are given");
  EXPECT_EQ(complaint({5, 2}, {2, 2, 3}, {1, 1}), "relation_conv: offset 1 is given twice");
  EXPECT_EQ(complaint({5, 2}, {2, 2, 3}, {1, -1}), "accepted");
}

}  // namespace
}  // namespace heartbeat
