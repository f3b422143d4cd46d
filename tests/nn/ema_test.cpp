#include "nn/ema.h"

#include <gtest/gtest.h>

#include "kernels/common/error.h"
#include "tests/support/gradcheck.h"

namespace heartbeat {
namespace {

using heartbeat::testing::random_normal;

TEST(Ema, FollowsTheRecurrenceWithAYoungDecayFirst) {
  const Tensor x = Tensor::from({2}, {1, -3}, Dtype::f64);
  nn::Ema ema({{"x", x}}, 0.5);
  double want = 1;
  for (int t = 0; t < 20; ++t) {
    x.data<double>()[0] = t;
    ema.update();
    const double decay = std::min(0.5, (1.0 + t) / (10.0 + t));
    want = decay * want + (1 - decay) * t;
    EXPECT_NEAR(ema.state()[0].tensor.at(0), want, 1e-12);
  }
  EXPECT_EQ(ema.state()[0].tensor.at(1), -3);
  EXPECT_EQ(ema.state()[0].name, "ema.x");
}

TEST(Ema, SwappedHoldsTheAveragesAndGivesEveryBitBack) {
  const Tensor x = random_normal({33}, Dtype::f32, 1), tied = x;
  nn::Ema ema({{"x", x}, {"alias", tied}}, 0.9);
  const std::vector<double> start = x.to_vector();
  for (long i = 0; i < 33; ++i) x.data<float>()[i] += 1;
  const std::vector<double> trained = x.to_vector();
  {
    const nn::Ema::Swapped averages(ema);
    EXPECT_EQ(x.to_vector(), start) << "no update yet: the average is the start; tied tensors are swapped once";
  }
  EXPECT_EQ(x.to_vector(), trained);
}

TEST(Ema, StateMovesToAnotherAverage) {
  const Tensor x = random_normal({3, 4}, Dtype::f32, 1), y = random_normal({3, 4}, Dtype::f32, 2);
  nn::Ema a({{"x", x}}, 0.9), b({{"x", y}}, 0.9);
  a.update();
  a.update();
  b.load_state(a.state());
  EXPECT_EQ(b.updates(), 2);
  EXPECT_EQ(b.state()[0].tensor.to_vector(), a.state()[0].tensor.to_vector());
  nn::Ema other({{"x", Tensor::zeros({5})}}, 0.9);
  EXPECT_THROW(other.load_state(a.state()), UserError);
  EXPECT_THROW(nn::Ema({{"x", x}}, 1), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
