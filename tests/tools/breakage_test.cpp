#include "tools/train/breakage.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include <cmath>

#include "kernels/common/error.h"
#include "tools/contacts/breakages.h"

namespace heartbeat {
namespace {

const std::vector<Breakage> kTable = {
    {.name = "stuck",
     .broken = "The weights decay.",
     .look = "gradients that shrink.",
     .settings = {{"--decay", "5"}, {"--steps", "20"}}},
    {.name = "noise", .unfit = "there is no noise here"},
};

TEST(Breakage, UnknownAndUnfitNamesGetASentence) {
  const auto sentence = [](const char* name) {
    try {
      find_breakage(kTable, name);
    } catch (const UserError& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(sentence("lost"), "--break=lost is not known; choose stuck");
  EXPECT_EQ(sentence("noise"), "--break=noise: there is no noise here; choose stuck");
  EXPECT_EQ(find_breakage(kTable, "stuck").sentence(),
            "broken on purpose (stuck): The weights decay. Look for gradients that shrink.");
}

TEST(Breakage, NoNameBreaksNothing) {
  const Breakage none = find_breakage(kTable, "");
  const Tensor w = Tensor::from({2}, {3, NAN});
  w.grad<float>().data[0] = 2;
  none.change_initial({{"w", w}});
  none.change_gradients({{"w", w}}, 5);
  EXPECT_EQ(w.at(0), 3);
  EXPECT_EQ(w.grad_at(0), 2);
  EXPECT_EQ(none.rate(0.25, 1, 1000), 0.25);
}

TEST(Breakage, SettingsGiveWayToFlags) {
  CLI::App app;
  double decay = 1;
  long steps = 2;
  std::string name;
  app.add_option("--decay", decay);
  app.add_option("--steps", steps);
  add_break_option(app, kTable, name);
  app.parse("--break=stuck --steps 7");
  use_settings(find_breakage(kTable, name), app);
  EXPECT_EQ(decay, 5);
  EXPECT_EQ(steps, 7);
  EXPECT_NE(app.config_to_str(true, false).find("decay=5"), std::string::npos);  // what the run log keeps
}

TEST(Breakage, FactorsReachTheTensorsTheyName) {
  Breakage b{.initial = {{"head.*", -2}, {"*.bias", 0}}, .gradients = {{"embedding.weight", 0}, {"head.weight", 0.5}}};
  const Tensor head = Tensor::from({2}, {1, 3}), bias = Tensor::from({1}, {5}, Dtype::f64),
               embedding = Tensor::from({2}, {1, 1}), untouched = Tensor::from({1}, {9});
  const nn::Parameters all = {
      {"head.weight", head}, {"tail.bias", bias}, {"embedding.weight", embedding}, {"w", untouched}};
  b.change_initial(all);
  EXPECT_EQ(head.to_vector(), (std::vector<double>{-2, -6}));
  EXPECT_EQ(bias.at(0), 0);
  EXPECT_EQ(untouched.at(0), 9);
  b.change_gradients(all, 0);  // none has arrived yet, and none comes into being
  EXPECT_FALSE(embedding.has_grad());
  for (int k = 0; k < 2; ++k) embedding.grad<float>().data[k] = k ? NAN : 4;
  head.grad<float>().data[1] = 4;
  b.change_gradients(all, 0);
  EXPECT_EQ(embedding.grad_at(0), 0);
  EXPECT_EQ(embedding.grad_at(1), 0);  // NaN too
  EXPECT_EQ(head.grad_at(1), 2);
}

TEST(Breakage, GradientsGrow) {
  const Breakage b{.gradients = {{"w", 3, 10}}};
  const Tensor w = Tensor::from({1}, {1});
  w.grad<float>().data[0] = 1;
  b.change_gradients({{"w", w}}, 20);
  EXPECT_EQ(w.grad_at(0), 12);
}

TEST(Breakage, TheRateDoubles) {
  const Breakage b{.rate_doubles = 10};
  EXPECT_EQ(b.rate(0.001, 0.5, 0), 0.5);
  EXPECT_EQ(b.rate(0.001, 0.5, 20), 2);
  EXPECT_GT(b.rate(0.001, 0.5, 21), 2);
}

TEST(Breakage, EveryPresetSaysWhatItIs) {
  for (const Breakage& b : contact_breakages()) {
    SCOPED_TRACE(b.name);
    EXPECT_FALSE(b.name.empty());
    if (!b.unfit.empty()) continue;
    EXPECT_EQ(b.broken.back(), '.');
    EXPECT_EQ(b.look.back(), '.');
    EXPECT_FALSE(b.settings.empty() && b.initial.empty() && b.gradients.empty() && !b.rate_doubles);
  }
}

}  // namespace
}  // namespace heartbeat
