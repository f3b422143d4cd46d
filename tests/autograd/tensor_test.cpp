#include "autograd/tensor.h"

#include <gtest/gtest.h>

#include "autograd/later.h"
#include "autograd/pick_device.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

TEST(Tensor, TakesOverValuesRoundedToItsType) {
  const Tensor x = Tensor::from({2, 1}, {1.0 / 3, 2}, Dtype::f64), y({2}), same({2}, Dtype::f64);
  y.assign(x);
  same.assign(x);
  EXPECT_EQ(y.to_vector(), (std::vector<double>{1.0f / 3, 2}));
  EXPECT_EQ(same.to_vector(), x.to_vector());
  EXPECT_THROW(y.assign(Tensor::zeros({3})), std::invalid_argument);
}

TEST(Tensor, ItsGradientIsATensorOverTheSameStorage) {
  const Tensor x = Tensor::zeros({2});
  EXPECT_FALSE(x.has_grad());
  const Tensor g = x.gradient();
  EXPECT_EQ(g.to_vector(), (std::vector<double>{0, 0}));
  g.assign(Tensor::from({2}, {3, 4}));
  EXPECT_EQ(x.grad_at(1), 4);
  EXPECT_EQ(x.to(Device::cpu).id(), x.id());
}

TEST(Later, IsTheValueOfItsTime) {
  const Tensor x = Tensor::full({1}, 2);
  Later before(x);
  x.assign(Tensor::full({1}, 3));
  EXPECT_EQ(before.get(), 2);
  EXPECT_EQ(Later(x).get(), 3);
  EXPECT_THROW(Later(Tensor::zeros({2})), std::invalid_argument);
}

TEST(PickDevice, KnowsThreeWords) {
  EXPECT_EQ(pick_device("cpu"), Device::cpu);
  EXPECT_THROW(pick_device("gpu"), UserError);
#if !HEARTBEAT_CUDA
  EXPECT_EQ(pick_device("auto"), Device::cpu);
  try {
    pick_device("cuda");
    FAIL() << "nothing was thrown";
  } catch (const UserError& e) {
    EXPECT_STREQ(
        e.what(),
        "--device cuda: this build has no CUDA (configure it with -DHEARTBEAT_CUDA=cuda); or use --device cpu");
  }
  EXPECT_THROW(Tensor({2}, Dtype::f32, Device::cuda), UserError);
#elif defined(HEARTBEAT_SIMT)
  EXPECT_EQ(pick_device("auto"), Device::cpu);  // the emulator is for those who ask for it
  EXPECT_EQ(pick_device("cuda"), Device::cuda);
#endif
}

}  // namespace
}  // namespace heartbeat
