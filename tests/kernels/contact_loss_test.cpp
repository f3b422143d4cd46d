#include "kernels/contact_loss/contact_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/contact_loss/contact_loss_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/pair_layouts.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

using Targets = std::shared_ptr<ContactTargets>;

// About one entry in eight positive, one in six not valid; weights unlike each other.
Targets random_targets(const Layout& layout, long K, unsigned seed) {
  const auto t = std::make_shared<ContactTargets>();
  std::mt19937 engine(seed);
  for (long p = 0; p < layout->pairs(); ++p) {
    unsigned positive = 0, valid = 0;
    for (long k = 0; k < K; ++k) {
      valid |= unsigned(engine() % 6 != 0) << k;
      positive |= unsigned(engine() % 8 == 0) << k;
    }
    t->valid.push_back(std::uint16_t(valid));
    t->positive.push_back(std::uint16_t(positive & valid));
  }
  for (long k = 0; k < K; ++k) {
    t->positive_weight.push_back(1 + 0.7 * double(k));
    t->channel_weight.push_back(1 / (1 + 0.3 * double(k)));
  }
  return t;
}

double spec(const Layout& layout, const Tensor& logits, const ContactTargets& t) {
  const Tensor z = Tensor::from(logits.shape(), logits.to_vector(), Dtype::f64);
  return kernels::contact_loss_spec(
      layout->view(), z.value<double>(),
      {t.positive.data(), t.valid.data(), t.positive_weight.data(), t.channel_weight.data()});
}

TEST(ContactLoss, MatchesTheSpec) {
  for (const Layout& layout : {chains_of({1}), chains_of({0, 31, 2}), chains_of({32, 33, 90}),
                               layout_of({complex_of({5, 12}), crop_of({{10, 20}, {300, 311}})})})
    for (long K : {1, 3, 8, 16}) {
      SCOPED_TRACE(::testing::Message() << layout->pairs() << " pairs, " << K << " channels");
      const Targets t = random_targets(layout, K, 1);
      const Tensor f64 = random_normal({layout->pairs(), K}, Dtype::f64, 2);
      const Tensor f32 = random_normal({layout->pairs(), K}, Dtype::f32, 2);
      const double want = spec(layout, f64, *t);
      EXPECT_NEAR(contact_loss(layout, f64, t).item(), want, 1e-13 * want);
      EXPECT_NEAR(contact_loss(layout, f32, t).item(), spec(layout, f32, *t), 2e-7 * want);  // one rounding to f32
    }
}

// Negatives with logits near -9 make up most of a map; log(1 + e) in f32 would be wrong by half a per cent there.
TEST(ContactLoss, SmallTermsKeepTheirDigitsInSinglePrecision) {
  const Layout layout = chains_of({20});
  const Targets t = random_targets(layout, 4, 1);
  std::fill(t->positive.begin(), t->positive.end(), 0);
  for (double z : {-1e-3, -1.0, -4.0, -9.3, -15.0, -30.0, -80.0, 5.0, 100.0}) {
    const Tensor logits = Tensor::full({layout->pairs(), 4}, z);
    const double want = spec(layout, logits, *t);
    EXPECT_NEAR(contact_loss(layout, logits, t).item(), want, 5e-7 * want) << "logit " << z;
  }
}

TEST(ContactLoss, GradientMatchesCentralDifferences) {
  for (const Layout& layout : {chains_of({1}), chains_of({7, 0, 3}), layout_of({complex_of({3, 15}), single_chain(2)})})
    for (long K : {1, 5}) {
      const Targets t = random_targets(layout, K, 3);
      const Tensor z = random_normal({layout->pairs(), K}, Dtype::f64, 4);
      EXPECT_LT(gradient_gap({z}, [&] { return contact_loss(layout, z, t); }), kGradientBound);
    }
}

TEST(ContactLoss, WeightsFollowTheSeparation) {
  const Layout layout = layout_of({complex_of({40, 2}), crop_of({{0, 2}, {50, 52}})});
  const PairMap &complex = layout->map(0), &crop = layout->map(1);
  EXPECT_EQ(kernels::separation_weight(complex, 0, 0), 0.5);
  EXPECT_EQ(kernels::separation_weight(complex, 3, 14), 0.5);
  EXPECT_EQ(kernels::separation_weight(complex, 3, 15), 1);
  EXPECT_EQ(kernels::separation_weight(complex, 3, 26), 1);
  EXPECT_EQ(kernels::separation_weight(complex, 3, 27), 2);
  EXPECT_EQ(kernels::separation_weight(complex, 39, 40), 2);  // neighbours in two chains
  EXPECT_EQ(kernels::separation_weight(crop, 1, 2), 2);       // neighbours across a gap of 48
}

// With logits of 0 every softplus is log 2, so the loss can be written down.
TEST(ContactLoss, ProteinsAreAveragedWithTheRootOfTheirLengths) {
  const Layout layout = chains_of({4, 9, 16});
  const Targets t = random_targets(layout, 1, 1);
  t->positive_weight = {3};
  t->channel_weight = {1};
  std::fill(t->valid.begin(), t->valid.end(), 1);
  for (long p = 0; p < layout->pairs(); ++p) t->positive[p] = p < layout->map(1).first_pair;  // all of protein 0
  for (long p = layout->map(2).first_pair; p < layout->pairs(); ++p) t->valid[p] = 0;         // nothing of protein 2
  const double half_log2 = 0.5 * std::log(2.0);                                               // w = 1/2 for short pairs
  EXPECT_NEAR(contact_loss(layout, Tensor::zeros({layout->pairs(), 1}, Dtype::f64), t).item(),
              (2 * 3 * half_log2 + 3 * half_log2) / (2 + 3), 1e-14);
}

TEST(ContactLoss, NothingValidGivesZeroAndNoGradient) {
  const Layout layout = chains_of({6});
  const Targets t = random_targets(layout, 2, 1);
  std::fill(t->valid.begin(), t->valid.end(), 0);
  Tensor z = Tensor::full({layout->pairs(), 2}, NAN);
  z.set_needs_grad(true);
  const Tensor loss = contact_loss(layout, z, t);
  EXPECT_EQ(loss.item(), 0);
  backward(loss);
  for (long e = 0; e < z.numel(); ++e) EXPECT_EQ(z.grad_at(e), 0);
}

TEST(ContactLoss, NotANumberAtAValidEntryIsSeenAndAtAMaskedOneIsNot) {
  const Layout layout = chains_of({6, 5});
  const Targets t = random_targets(layout, 2, 1);
  std::fill(t->valid.begin(), t->valid.end(), 3);
  t->valid[4] = 1;
  Tensor z = random_normal({layout->pairs(), 2}, Dtype::f32, 2);
  z.set_needs_grad(true);
  const double clean = contact_loss(layout, z, t).item();
  tape().clear();
  z.data<float>()[4 * 2 + 1] = NAN;
  const Tensor masked = contact_loss(layout, z, t);
  backward(masked);
  EXPECT_EQ(masked.item(), clean);
  EXPECT_EQ(z.grad_at(4 * 2 + 1), 0);

  z.clear_grad();
  z.data<float>()[4 * 2] = NAN;
  const Tensor seen = contact_loss(layout, z, t);
  backward(seen);
  EXPECT_TRUE(std::isnan(seen.item()));
  EXPECT_TRUE(std::isnan(z.grad_at(4 * 2)));
  for (long e = 0; e < z.numel(); ++e) EXPECT_EQ(std::isfinite(z.grad_at(e)), e != 4 * 2) << e;
}

TEST(ContactLoss, InfiniteLogitsAreRightOrInfinitelyWrong) {
  const Layout layout = chains_of({1});
  const Targets t = random_targets(layout, 1, 1);
  t->valid = {1};
  for (bool positive : {false, true})
    for (double z : {-INFINITY, INFINITY}) {
      t->positive = {positive};
      const double loss = contact_loss(layout, Tensor::full({1, 1}, z), t).item();
      EXPECT_EQ(loss, positive == (z > 0) ? 0 : INFINITY);
    }
}

TEST(ContactLoss, ChannelsAddUpToTheLoss) {
  const Layout layout = chains_of({30, 11});
  const Targets t = random_targets(layout, 8, 1);
  const Tensor z = random_normal({layout->pairs(), 8}, Dtype::f64, 2);
  const std::vector<double> by_channel = contact_loss_by_channel(layout, z, *t);
  const double loss = contact_loss(layout, z, t).item();
  EXPECT_NEAR(std::accumulate(by_channel.begin(), by_channel.end(), 0.0), loss, 1e-14);
  t->channel_weight.assign(8, 0);
  t->channel_weight[5] = 1 / (1 + 0.3 * 5);
  EXPECT_NEAR(contact_loss(layout, z, t).item(), by_channel[5], 1e-14);
}

TEST(ContactLoss, SizesThatDoNotFitAreRefusedWithBothSides) {
  const Layout layout = chains_of({3});
  const Targets t = random_targets(layout, 2, 1);
  try {
    contact_loss(layout, Tensor::zeros({5, 2}), t);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "contact_loss: logits have 5 rows, but the batch has 6 pairs");
  }
  try {
    contact_loss(layout, Tensor::zeros({6, 3}), t);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "contact_loss: targets weigh 2 and 2 channels, but logits have 3");
  }
}

}  // namespace
}  // namespace heartbeat
