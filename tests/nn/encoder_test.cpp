#include "nn/encoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/chains.h"
#include "tests/support/modules.h"
#include "tests/support/parity.h"

namespace heartbeat::nn {
namespace {

using namespace heartbeat::testing;

constexpr EncoderKind kAll[] = {EncoderKind::relation, EncoderKind::ggn, EncoderKind::gcn};

Ids shared(std::vector<int> tokens) {
  return std::make_shared<const std::vector<int>>(std::move(tokens));
}

std::vector<int> random_tokens(long n, int first, int count, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::vector<int> tokens(n);
  for (int& t : tokens) t = first + int(engine() % count);
  return tokens;
}

Encoder make(EncoderKind kind, int width, int depth, Dtype dtype) {
  Init init{.seed = 1, .dtype = dtype};
  return Encoder({.kind = kind, .width = width, .depth = depth}, init);
}

TEST(Encoder, ParameterCountsAreThoseOfTheDesign) {
  EXPECT_EQ(count_of(make(EncoderKind::relation, 96, 6, Dtype::f32).parameters()), 280224);
  EXPECT_EQ(count_of(make(EncoderKind::ggn, 96, 6, Dtype::f32).parameters()), 103968);
  EXPECT_EQ(count_of(make(EncoderKind::relation, 64, 6, Dtype::f32).parameters()), 125376);
  EXPECT_EQ(count_of(make(EncoderKind::gcn, 96, 6, Dtype::f32).parameters()), 21 * 96 + 6 * (96 * 96 + 3 * 96));
}

TEST(Encoder, ParametersHaveTheNamesOfTheArticleAndOfTheLog) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of(make(EncoderKind::ggn, 8, 2, Dtype::f32).parameters()),
            (Names{"embedding.weight", "ggn.weight", "ggn.gru.weight_ih", "ggn.gru.weight_hh", "ggn.gru.bias_ih",
                   "ggn.gru.bias_hh"}));
  EXPECT_EQ(names_of(make(EncoderKind::relation, 8, 2, Dtype::f32).parameters()),
            (Names{"embedding.weight", "blocks.0.norm.weight", "blocks.0.norm.bias", "blocks.0.conv.weight",
                   "blocks.0.conv.bias", "blocks.1.norm.weight", "blocks.1.norm.bias", "blocks.1.conv.weight",
                   "blocks.1.conv.bias"}));
  EXPECT_EQ(names_of(make(EncoderKind::gcn, 8, 1, Dtype::f32).parameters()),
            (Names{"embedding.weight", "blocks.0.norm.weight", "blocks.0.norm.bias", "blocks.0.conv.linear.weight",
                   "blocks.0.conv.linear.bias"}));
}

TEST(Encoder, GradientMatchesCentralDifferences) {
  const Layout layout = layout_of({single_chain(9), member_of({{0, 0, 4}, {1, 0, 3}})});
  const Ids tokens = shared(random_tokens(16, 0, kTokens, 3));
  for (EncoderKind kind : kAll) {
    SCOPED_TRACE(::testing::Message() << "kind " << int(kind));
    const Encoder encoder = make(kind, 4, 3, Dtype::f64);
    EXPECT_LT(module_gap(encoder.parameters(), {}, [&] { return encoder(layout, tokens); }), kGradientBound);
  }
}

// Every block adds to the state what its convolution makes of the normalised state.
TEST(Encoder, BlocksAreResidual) {
  const NoGrad no_grad;
  const Layout layout = layout_of({single_chain(12)});
  const Ids tokens = shared(random_tokens(12, 0, kTokens, 3));
  const Encoder encoder = make(EncoderKind::relation, 8, 2, Dtype::f64);
  Tensor x = embedding(encoder.embedding.W, tokens);
  for (const auto& [norm, conv] : std::get<ResidualStack<RelationConv>>(encoder.body).blocks) {
    const Tensor heard = relation_conv(layout, silu(layer_norm(x, norm.gain, norm.bias)), conv.W, conv.offsets);
    x = add(x, add_bias(heard, conv.b));
  }
  const Tensor y = encoder(layout, tokens);
  for (long e = 0; e < y.numel(); ++e) EXPECT_NEAR(y.at(e), x.at(e), 1e-12);
}

// States of the proteins of one batch, each computed alone, one below the other.
std::vector<float> states_alone(const Encoder& encoder, const PairLayout& together, const std::vector<int>& tokens) {
  std::vector<float> all;
  for (long m = 0; m < together.size(); ++m) {
    const PairMap& map = together.map(m);
    const auto first = tokens.begin() + map.first_residue;
    const Tensor y = encoder(layout_of({together.member(m)}), shared({first, first + map.length}));
    all.insert(all.end(), y.data<float>(), y.data<float>() + y.numel());
  }
  return all;
}

TEST(Encoder, AProteinAloneEqualsItselfInABatch) {
  const NoGrad no_grad;
  const Layout together = layout_of(awkward_members());
  const std::vector<int> tokens = random_tokens(together->residues(), 0, kTokens, 3);
  for (EncoderKind kind : kAll) {
    SCOPED_TRACE(::testing::Message() << "kind " << int(kind));
    const Encoder encoder = make(kind, 96, 6, Dtype::f32);
    const Tensor y = encoder(together, shared(tokens));
    const std::vector<float> alone = states_alone(encoder, *together, tokens);
    ASSERT_EQ(long(alone.size()), y.numel());
    // Plain GEMMs over all rows of a batch may group the rows otherwise; relation_conv promises not to.
    if (kind == EncoderKind::relation)
      EXPECT_EQ(std::memcmp(alone.data(), y.data<float>(), alone.size() * sizeof(float)), 0);
    else
      EXPECT_LT(nmse(alone.data(), y.to_vector().data(), y.numel()), parity_bound(Dtype::f32));
  }
}

// Two proteins, and two chains of one, that share no letter: the letters of one get no gradient from the other.
TEST(Encoder, TheGradientOfOneChainInAnotherIsExactlyZero) {
  std::vector<int> tokens = random_tokens(30, 0, 10, 3);
  for (int t : random_tokens(25, 10, 11, 4)) tokens.push_back(t);
  for (const Layout& layout :
       {layout_of({single_chain(30), single_chain(25)}), layout_of({member_of({{0, 0, 30}, {1, 0, 25}})})})
    for (EncoderKind kind : kAll) {
      SCOPED_TRACE(::testing::Message() << "kind " << int(kind) << ", " << layout->size() << " proteins");
      const Encoder encoder = make(kind, 32, 6, Dtype::f32);
      const Tensor y = encoder(layout, shared(tokens));
      const Tensor seed = Tensor::zeros(y.shape());
      std::fill_n(seed.data<float>(), 30 * 32, 1.f);
      backward(y, seed);
      double own = 0, other = 0;
      for (long e = 0; e < 10 * 32; ++e) own += std::abs(encoder.embedding.W.grad_at(e));
      for (long e = 10 * 32; e < 21 * 32; ++e) other += std::abs(encoder.embedding.W.grad_at(e));
      EXPECT_GT(own, 0);
      EXPECT_EQ(other, 0);
    }
}

// Changing one letter is felt exactly as far as the offsets of all blocks or steps add up to.
TEST(Encoder, AResidueHearsAsFarAsItsBlocksReach) {
  const NoGrad no_grad;
  const long length = 81, centre = 40;
  const Layout layout = layout_of({single_chain(length)});
  std::vector<int> tokens = random_tokens(length, 0, 20, 3), changed = tokens;
  changed[centre] = 20;
  for (auto [kind, far] : {std::pair{EncoderKind::relation, 28L}, {EncoderKind::gcn, 28L}, {EncoderKind::ggn, 12L}}) {
    const Encoder encoder = make(kind, 8, 6, Dtype::f64);
    const Tensor before = encoder(layout, shared(tokens)), after = encoder(layout, shared(changed));
    const auto differs = [&](long i) {
      return std::memcmp(before.value<double>().row(i), after.value<double>().row(i), 8 * sizeof(double)) != 0;
    };
    for (long i = 0; i < length; ++i) EXPECT_EQ(differs(i), std::abs(i - centre) <= far) << "residue " << i;
  }
}

TEST(Encoder, MistakesAreRefused) {
  EXPECT_EQ(encoder_kind("ggn"), EncoderKind::ggn);
  try {
    encoder_kind("lstm");
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "encoder 'lstm' is not known; choose relation, ggn or gcn");
  }
  try {
    make(EncoderKind::relation, 4, 1, Dtype::f32)(layout_of({single_chain(3)}), shared({1, 2}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "encoder: 2 tokens are given for a batch of 3 residues");
  }
}

}  // namespace
}  // namespace heartbeat::nn
