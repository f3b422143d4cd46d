#include "autograd/tensor.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Tensor, HoldsBf16InTwoBytesAndRoundsOnce) {
  const std::size_t before = memory_report().live;
  const Tensor x = Tensor::from({3}, {1 + 0x1p-8 + 0x1p-40, -2.5, NAN}, Dtype::bf16);
  EXPECT_EQ(memory_report().live - before, 6u);
  EXPECT_EQ(x.at(0), 1 + 0x1p-7);
  EXPECT_EQ(x.at(1), -2.5);
  EXPECT_TRUE(std::isnan(x.at(2)));
  EXPECT_EQ(Tensor::full({2}, 257, Dtype::bf16).to_vector(), (std::vector<double>{256, 256}));  // a tie, to the even
  const Tensor wide = Tensor::zeros({3}), back = Tensor::zeros({3}, Dtype::bf16);
  wide.assign(x);
  back.assign(wide);
  EXPECT_EQ(wide.at(1), -2.5);
  EXPECT_EQ(back.at(0), x.at(0));
  EXPECT_EQ(x.gradient().dtype(), Dtype::bf16);
  EXPECT_THROW(x.value<float>(), std::logic_error);
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
