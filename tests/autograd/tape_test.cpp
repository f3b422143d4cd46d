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

TEST(Trace, KnowsWhatFollowsWhat) {
  Tensor x = testing::random_normal({3, 2}, Dtype::f32, 1), W = testing::random_normal({4, 2}, Dtype::f32, 2);
  Tensor b = testing::random_normal({4}, Dtype::f32, 3);
  for (Tensor* t : {&W, &b}) t->set_needs_grad(true);
  const Trace trace;
  const Tensor z = add_bias(matmul_transposed(x, W), b);
  scale(x, 2);  // of no gradient: not on the tape
  const Tensor left = relu(z), y = mul(left, sigmoid(z.reshape({3, 4})));
  {
    const Trace inner;
    scale(y, 2);
    ASSERT_EQ(inner.ops().size(), 1u);
    EXPECT_EQ(inner.ops()[0].from, -1);  // made before it
  }
  const std::vector<std::pair<std::string, int>> expected = {
      {"matmul_transposed", -1}, {"add_bias", 0}, {"relu", 1}, {"sigmoid", 1}, {"mul", 2}};
  ASSERT_EQ(trace.ops().size(), expected.size());
  for (size_t k = 0; k < expected.size(); ++k) {
    EXPECT_EQ(trace.ops()[k].name, expected[k].first);
    EXPECT_EQ(trace.ops()[k].from, expected[k].second) << expected[k].first;
  }
  EXPECT_EQ(trace.ops()[1].shape, (Shape{3, 4}));
  tape().clear();
}

TEST(Trace, IsOverWhenItIsGone) {
  Tensor x = testing::random_normal({3, 2}, Dtype::f32, 1);
  x.set_needs_grad(true);
  { const Trace trace; }
  scale(x, 2);
  EXPECT_EQ(tape().size(), 1u);
  tape().clear();
}

}  // namespace
}  // namespace heartbeat
