#include "kernels/pair_init/pair_init.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/pair_init/pair_init_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/pair_layouts.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// h, W_l, W_r, W_m, E, b: the inputs of the op, in its order.
std::vector<Tensor> inputs(long residues, long d, long C, Dtype dtype) {
  const Dtype wide = acc_of(dtype);
  return {random_normal({residues, d}, dtype, 1), random_normal({C, d}, wide, 2),        random_normal({C, d}, wide, 3),
          random_normal({C, d}, wide, 4),         random_normal({kBuckets, C}, wide, 5), random_normal({C}, wide, 6)};
}
Tensor run(const Layout& layout, const std::vector<Tensor>& x) {
  return pair_init(layout, x[0], x[1], x[2], x[3], x[4], x[5]);
}

template <class T>
double parity_gap(const Layout& layout, long d, long C) {
  const std::vector<Tensor> x = inputs(layout->residues(), d, C, dtype_of<T>);
  const Tensor z = run(layout, x);
  std::vector<Tensor> rounded;
  for (const Tensor& t : x) rounded.push_back(Tensor::from(t.shape(), t.to_vector(), Dtype::f64));
  const auto m = [&](int k) { return Matrix<const double>(rounded[k].value<double>()); };
  Tensor want(z.shape(), Dtype::f64);
  kernels::pair_init_spec(layout->view(), m(0), {m(1), m(2), m(3), m(4), m(5)}, want.value<double>());
  return nmse(z.data<T>(), want.data<double>(), z.numel());
}

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {
      chains_of({}),
      chains_of({1}),
      chains_of({0, 31, 2}),
      chains_of({32, 0, 33, 7}),
      chains_of({90}),
      layout_of({complex_of({5, 12}), single_chain(3)}),
      layout_of({crop_of({{10, 20}, {300, 311}})}),
  };
  return all;
}

TEST(SeparationBucket, ExactThenLogarithmicThenOtherChain) {
  for (long s = 0; s < 24; ++s) EXPECT_EQ(separation_bucket(s), s);
  EXPECT_EQ(separation_bucket(24), 24);
  EXPECT_EQ(separation_bucket(1023), 62);
  EXPECT_EQ(separation_bucket(100000), 62);
  std::vector<long> members(kBuckets);
  for (long s = 0; s < 2000; ++s) {
    const int step = separation_bucket(s + 1) - separation_bucket(s);
    EXPECT_TRUE(step == 0 || step == 1) << s;
    ++members[separation_bucket(s)];
  }
  for (int b = 0; b < kOtherChainBucket; ++b) EXPECT_GT(members[b], 0) << b;
  EXPECT_EQ(members[kOtherChainBucket], 0);
}

TEST(SeparationBucket, ReadsPositionsAndChainsOfAMap) {
  const Layout layout = layout_of({complex_of({3, 2}), crop_of({{5, 7}, {40, 42}})});
  EXPECT_EQ(layout->map(0).bucket(0, 2), 2);
  EXPECT_EQ(layout->map(0).bucket(2, 3), kOtherChainBucket);
  EXPECT_EQ(layout->map(0).bucket(3, 4), 1);
  EXPECT_EQ(layout->map(1).bucket(1, 2), separation_bucket(34));
}

TEST(PairInit, MatchesTheSpec) {
  for (const Layout& layout : layouts())
    for (long d : {1, 31, 32})
      for (long C : {1, 33}) {
        SCOPED_TRACE(::testing::Message() << layout->pairs() << " pairs, d " << d << ", C " << C);
        EXPECT_LT(parity_gap<float>(layout, d, C), parity_bound(Dtype::f32));
        EXPECT_LT(parity_gap<double>(layout, d, C), parity_bound(Dtype::f64));
        EXPECT_LT(parity_gap<bf16>(layout, d, C), parity_bound(Dtype::bf16));
      }
}

TEST(PairInit, GradientMatchesCentralDifferences) {
  for (const Layout& layout : {chains_of({1}), chains_of({5, 0, 2}), layout_of({complex_of({2, 3})})}) {
    const std::vector<Tensor> x = inputs(layout->residues(), 3, 5, Dtype::f64);
    EXPECT_LT(gradient_gap(x, [&] { return run(layout, x); }), kGradientBound) << layout->pairs() << " pairs";
  }
}

// More residues than one chunk of the backward, f32 against f64.
TEST(PairInit, GradientInSinglePrecisionMatchesDouble) {
  const Layout layout = chains_of({50, 33});
  std::vector<Tensor> x = inputs(layout->residues(), 17, 9, Dtype::f32), reference;
  for (const Tensor& t : x) reference.push_back(Tensor::from(t.shape(), t.to_vector(), Dtype::f64));
  for (auto* side : {&x, &reference}) {
    for (Tensor& t : *side) t.set_needs_grad(true);
    const Tensor z = run(layout, *side);
    const Tensor seed = random_normal(z.shape(), Dtype::f32, 7);
    backward(z, Tensor::from(z.shape(), seed.to_vector(), z.dtype()));
  }
  for (size_t k = 0; k < x.size(); ++k)
    EXPECT_LT(nmse(x[k].grad<float>().data, reference[k].grad<double>().data, x[k].numel()), parity_bound(Dtype::f32))
        << "input " << k;
}

TEST(PairInit, GradientsAreComputedOnlyWhereTheyAreAsked) {
  const Layout layout = chains_of({4});
  for (int asked = 0; asked < 6; ++asked) {
    std::vector<Tensor> all = inputs(4, 2, 3, Dtype::f64), one = inputs(4, 2, 3, Dtype::f64);
    for (Tensor& t : all) t.set_needs_grad(true);
    one[asked].set_needs_grad(true);
    for (const auto& x : {all, one}) {
      const Tensor z = run(layout, x);
      backward(z, random_normal(z.shape(), Dtype::f64, 8));
    }
    for (int k = 0; k < 6; ++k) EXPECT_EQ(one[k].has_grad(), k == asked);
    for (long k = 0; k < one[asked].numel(); ++k) EXPECT_EQ(one[asked].grad_at(k), all[asked].grad_at(k));
  }
}

TEST(PairInit, AProteinInABatchEqualsTheProteinAlone) {
  const Layout together = chains_of({9, 20, 14}), alone = chains_of({20});
  std::vector<Tensor> x = inputs(together->residues(), 16, 8, Dtype::f32);
  for (long k = 0; k < 9 * 16; ++k) x[0].data<float>()[k] = NAN;  // poisoned neighbours
  for (long k = 29 * 16; k < x[0].numel(); ++k) x[0].data<float>()[k] = INFINITY;
  std::vector<Tensor> own = x;
  own[0] = Tensor({20, 16});
  std::memcpy(own[0].data<float>(), x[0].data<float>() + 9 * 16, 20 * 16 * sizeof(float));
  x[0].set_needs_grad(true);
  own[0].set_needs_grad(true);

  const Tensor z_own = run(alone, own), own_seed = random_normal(z_own.shape(), Dtype::f32, 9);
  backward(z_own, own_seed);
  const Tensor z = run(together, x), seed = Tensor::zeros(z.shape());
  const long first = together->map(1).first_pair * 8;
  std::memcpy(seed.data<float>() + first, own_seed.data<float>(), own_seed.numel() * sizeof(float));
  backward(z, seed);

  EXPECT_EQ(std::memcmp(z.data<float>() + first, z_own.data<float>(), z_own.numel() * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(x[0].grad<float>().row(9), own[0].grad<float>().data, 20 * 16 * sizeof(float)), 0);
}

TEST(PairInit, SizesThatDoNotFitAreRefusedWithBothSides) {
  const Layout layout = chains_of({4});
  std::vector<Tensor> x = inputs(5, 2, 3, Dtype::f32);
  try {
    run(layout, x);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "pair_init: h has 5 rows, but the batch has 4 residues");
  }
  x = inputs(4, 2, 3, Dtype::f32);
  x[4] = Tensor::zeros({10, 3});
  try {
    run(layout, x);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "pair_init: E is [10, 3], not [64, 3]");
  }
}

}  // namespace
}  // namespace heartbeat
