// What the lint finds in lists of ops, and what it lets pass.
#include "tools/train/lint.h"

#include <gtest/gtest.h>

namespace heartbeat {
namespace {

using Found = std::vector<std::pair<std::string, double>>;

TEST(Lint, LetsUsualNetworksPass) {
  EXPECT_EQ(lint({}), Found{});
  EXPECT_EQ(lint({{"conv2d", -1, {}},
                  {"max_pool", 0, {}},
                  {"relu", 1, {}},
                  {"matmul_transposed", 2, {}},
                  {"add_bias", 3, {}},
                  {"cross_entropy", 4, {}}}),
            Found{});
  // Siblings read one norm, and are not behind each other; a residual sum is no linear chain.
  EXPECT_EQ(lint({{"layer_norm", -1, {}},
                  {"matmul_transposed", 0, {}},
                  {"add_bias", 1, {}},
                  {"sigmoid", 2, {}},
                  {"matmul_transposed", 0, {}},
                  {"add_bias", 4, {}},
                  {"mul", 3, {}},
                  {"add", 6, {}},
                  {"matmul_transposed", 7, {}},
                  {"contact_loss", 8, {}}}),
            Found{});
  EXPECT_EQ(lint({{"matmul_transposed", -1, {}}, {"log_softmax", 0, {}}, {"nll_loss", 1, {}}}), Found{});
}

TEST(Lint, FindsLayersWithNothingBetween) {
  EXPECT_EQ(
      lint({{"matmul_transposed", -1, {}}, {"add_bias", 0, {}}, {"dropout", 1, {}}, {"matmul_transposed", 2, {}}}),
      (Found{{"no_nonlinearity/matmul_transposed.3", 0}}));
  EXPECT_EQ(lint({{"pair_conv", -1, {}}, {"pair_conv", 0, {}}, {"relu", 1, {}}}),
            (Found{{"no_nonlinearity/pair_conv.1", 0}}));
}

TEST(Lint, FindsLossesThatAreGivenWhatWasSquashed) {
  EXPECT_EQ(lint({{"matmul_transposed", -1, {}}, {"log_softmax", 0, {}}, {"cross_entropy", 1, {}}}),
            (Found{{"squashed_before_loss/cross_entropy.2", 1}}));
  EXPECT_EQ(lint({{"pair_conv", -1, {}}, {"sigmoid", 0, {}}, {"scale", 1, {}}, {"contact_loss", 2, {}}}),
            (Found{{"squashed_before_loss/contact_loss.3", 1}}));
  EXPECT_EQ(lint({{"matmul_transposed", -1, {}}, {"nll_loss", 0, {}}}), (Found{{"not_log_softmax/nll_loss.1", 0}}));
}

}  // namespace
}  // namespace heartbeat
