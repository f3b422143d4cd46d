// Tensors in the memory of a GPU.
#include <gtest/gtest.h>

#include "autograd/later.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "tests/support/gradcheck.h"

namespace heartbeat::testing {
namespace {

TEST(TensorOnGpu, TravelsThereAndBack) {
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (long n : {0, 1, 33, 1000}) {
      const Tensor x = random_normal({n}, dtype, 1), there = x.to(Device::cuda), copied = there.copy();
      EXPECT_EQ(there.device(), Device::cuda);
      EXPECT_EQ(there.to(Device::cuda).id(), there.id());
      EXPECT_EQ(there.to_vector(), x.to_vector());
      EXPECT_EQ(copied.to_vector(), x.to_vector());
      for (long k = 0; k < n; k += 7) EXPECT_EQ(there.at(k), x.at(k));
    }
}

TEST(TensorOnGpu, StartsAsAsked) {
  EXPECT_EQ(Tensor::zeros({2, 3}, Dtype::f32, Device::cuda).to_vector(), std::vector<double>(6, 0));
  EXPECT_EQ(Tensor::full({3}, 1.5, Dtype::f64, Device::cuda).to_vector(), std::vector<double>(3, 1.5));
  EXPECT_EQ(Tensor::from({2}, {1, 2}, Dtype::f32, Device::cuda).to_vector(), (std::vector<double>{1, 2}));
}

TEST(TensorOnGpu, TakesOverValuesOfAnotherDeviceAndType) {
  const Tensor x = Tensor::from({2}, {1.0 / 3, 2}, Dtype::f64), y = Tensor::zeros({2}, Dtype::f32, Device::cuda);
  y.assign(x);
  EXPECT_EQ(y.to_vector(), (std::vector<double>{1.0f / 3, 2}));
  const Tensor back({2}, Dtype::f64);
  back.assign(y);
  EXPECT_EQ(back.to_vector(), (std::vector<double>{1.0f / 3, 2}));
  EXPECT_THROW(y.assign(Tensor::zeros({3})), std::invalid_argument);
}

TEST(TensorOnGpu, IsCountedBesideTheHosts) {
  const MemoryReport host = memory_report(), before = memory_report(Device::cuda);
  {
    const Tensor x({1000}, Dtype::f32, Device::cuda);
    EXPECT_EQ(memory_report(Device::cuda).live, before.live + 4000);
    EXPECT_EQ(memory_report().live, host.live);
  }
  EXPECT_EQ(memory_report(Device::cuda).live, before.live);
  EXPECT_GE(memory_report(Device::cuda).peak, before.live + 4000);
}

// What backward has freed is gone when the stream has done its work.
TEST(TensorOnGpu, ATapeLeavesNoMemoryBehind) {
  Tensor W = random_normal({4, 5}, Dtype::f32, 1).to(Device::cuda);
  W.set_needs_grad(true);
  const auto step = [&] {
    W.clear_grad();
    const Tensor y = silu(matmul_transposed(random_normal({7, 5}, Dtype::f32, 2).to(Device::cuda), W));
    backward(y, Tensor::full(y.shape(), 1, Dtype::f32, Device::cuda));
    cuda::synchronize(cuda::compute_stream());
  };
  step();
  const std::size_t after_one = cuda::memory_report().live;
  for (int k = 0; k < 3; ++k) step();
  EXPECT_EQ(cuda::memory_report().live, after_one);
}

TEST(Later, BringsWhatTheTensorWasWhenItWasAsked) {
  for (Device device : {Device::cpu, Device::cuda})
    for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
      const Tensor x = Tensor::full({1}, 2.5, dtype, device);
      Later first(x);
      x.assign(Tensor::full({1}, 7, dtype));
      Later second(x);
      EXPECT_EQ(second.get(), 7);
      EXPECT_EQ(first.get(), 2.5);
      EXPECT_EQ(first.get(), 2.5);
    }
}

}  // namespace
}  // namespace heartbeat::testing
