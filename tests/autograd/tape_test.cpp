#include "autograd/tape.h"

#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "tests/support/gradcheck.h"

namespace heartbeat {
namespace {

std::shared_ptr<const Graph> shift() {
  return std::make_shared<const Graph>(3, std::vector<Edge>{{0, 1, 2}, {2, 0, 3}});
}

TEST(Tape, GradientsOfTwoUsesAdd) {
  const Tensor x = testing::random_normal({3, 2}, Dtype::f64, 1);
  EXPECT_LT(testing::gradient_gap({x}, [&] { return spmm(shift(), spmm(shift(), x)); }), testing::kGradientBound);
}

TEST(Tape, NoGradRecordsNothing) {
  Tensor x = Tensor::zeros({3, 1});
  x.set_needs_grad(true);
  const NoGrad no_grad;
  EXPECT_FALSE(spmm(shift(), x).needs_grad());
  EXPECT_EQ(tape().size(), 0u);
}

TEST(Tape, BackwardFreesWhatItHasUsed) {
  const size_t before = memory_report().live;
  {
    Tensor x = Tensor::zeros({3, 1});
    x.set_needs_grad(true);
    const Tensor y = spmm(shift(), spmm(shift(), x));
    EXPECT_EQ(tape().size(), 2u);
    backward(y, Tensor::full({3, 1}, 1));
    EXPECT_EQ(tape().size(), 0u);
  }
  EXPECT_EQ(memory_report().live, before);
}

TEST(Tape, RecomputeGivesTheSameGradientWithoutKeepingTheInside) {
  const auto twice = [](const Tensor& t) { return spmm(shift(), spmm(shift(), t)); };
  const Tensor x = testing::random_normal({3, 2}, Dtype::f64, 1);
  EXPECT_LT(testing::gradient_gap({x}, [&] { return recompute(twice, x); }), testing::kGradientBound);
  Tensor z = x.copy();
  z.set_needs_grad(true);
  const Tensor y = recompute(twice, z);
  EXPECT_EQ(tape().size(), 1u);
  tape().clear();
}

TEST(Tape, ALossThatIsNoScalarIsRefused) {
  EXPECT_THROW(backward(Tensor::zeros({3, 1})), std::invalid_argument);
}

TEST(Tensor, ReshapeSharesStorageAndGradient) {
  Tensor x = Tensor::zeros({2, 3});
  const Tensor y = x.reshape({3, 2});
  y.grad<float>().data[5] = 4;
  y.data<float>()[0] = 7;
  EXPECT_EQ(x.grad_at(5), 4);
  EXPECT_EQ(x.at(0), 7);
  EXPECT_THROW(x.reshape({4, 2}), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat
