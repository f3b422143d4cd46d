// Ops of the MNIST laboratory: conv2d and max_pool.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_spec.h"
#include "kernels/max_pool/max_pool.h"
#include "kernels/max_pool/max_pool_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaImages = CudaParity<T>;
TYPED_TEST_SUITE(CudaImages, BothTypes);

TYPED_TEST(CudaImages, Conv2dMatchesTheSpec) {
  using T = TypeParam;
  const Cuda s = this->stream;
  using Shape = kernels::Conv2dShape;
  for (const Shape& shape : {Shape{0, 1, 5, 5, 2, 3, 3}, Shape{1, 1, 1, 1, 1, 1, 1}, Shape{2, 3, 7, 6, 5, 3, 2, 2, 1},
                             Shape{3, 2, 9, 12, 33, 5, 5, 1, 2}, Shape{2, 1, 8, 8, 4, 2, 2, 3, 0}}) {
    SCOPED_TRACE(::testing::Message() << shape.images << " images, " << shape.in << " to " << shape.out << " channels, "
                                      << "stride " << shape.stride);
    const Doubles x = normals<T>(shape.images * shape.x_size(), 1), W = normals<T>(shape.out * shape.taps(), 2),
                  b = normals<T>(shape.out, 3), dy = normals<T>(shape.images * shape.y_size(), 4);
    const OnDevice<T> dx(s, x), dW(s, W), db(s, b), ddy(s, dy), y(s, long(dy.size())), plain(s, long(dy.size())),
        to_x(s, x), to_W(s, W), to_b(s, b);
    kernels::conv2d<T>(s, shape, dx.data(), dW.data(), db.data(), y.data());
    kernels::conv2d<T>(s, shape, dx.data(), dW.data(), nullptr, plain.data());
    kernels::conv2d_dx_accumulate<T>(s, shape, ddy.data(), dW.data(), to_x.data());
    kernels::conv2d_dw_accumulate<T>(s, shape, dx.data(), ddy.data(), to_W.data(), to_b.data());
    Doubles want(dy.size()), want_plain(dy.size()), want_x(x), want_W(W), want_b(b);
    kernels::conv2d_spec(shape, x.data(), W.data(), b.data(), want.data());
    kernels::conv2d_spec(shape, x.data(), W.data(), nullptr, want_plain.data());
    kernels::conv2d_gradient_spec(shape, x.data(), W.data(), dy.data(), want_x.data(), want_W.data(), want_b.data());
    expect_parity(y, want, "y");
    expect_parity(plain, want_plain, "y without b");
    expect_parity(to_x, want_x, "dx");
    expect_parity(to_W, want_W, "dW");
    expect_parity(to_b, want_b, "db");
  }
}

TYPED_TEST(CudaImages, MaxPoolMatchesTheSpec) {
  using T = TypeParam;
  const Cuda s = this->stream;
  using Shape = kernels::MaxPoolShape;
  for (const Shape& shape :
       {Shape{0, 4, 4}, Shape{1, 1, 1, 1, 1}, Shape{3, 7, 9}, Shape{2, 8, 7, 3, 2}, Shape{2, 9, 9, 2, 3}}) {
    SCOPED_TRACE(::testing::Message() << shape.planes << " planes, windows of " << shape.size << " every "
                                      << shape.stride);
    const long windows = shape.planes * shape.out_height() * shape.out_width();
    Doubles x = normals<T>(shape.planes * shape.height * shape.width, 1);
    for (size_t k = 0; k < x.size(); ++k) {
      if (k % 3 == 0) x[k] = 0.5;  // equal elements
      if (k % 41 == 17) x[k] = NAN;
    }
    const Doubles dy = normals<T>(windows, 2), old(x.size(), 1);
    const OnDevice<T> dx(s, x), ddy(s, dy), y(s, windows), to_x(s, old);
    const OnDevice<std::int32_t> from(s, windows);
    kernels::max_pool<T>(s, shape, dx.data(), y.data(), from.data());
    kernels::max_pool<T>(s, shape, dx.data(), y.data(), nullptr);
    kernels::max_pool_dx_accumulate<T>(s, shape, ddy.data(), from.data(), to_x.data());
    Doubles want(windows), want_x(old);
    std::vector<std::int32_t> want_from(windows);
    kernels::max_pool_spec(shape, x.data(), want.data(), want_from.data());
    kernels::max_pool_gradient_spec(shape, dy.data(), want_from.data(), want_x.data());
    expect_parity(y, want, "y");
    EXPECT_EQ(from.host(), want_from);
    expect_parity(to_x, want_x, "dx");
  }
}

}  // namespace
}  // namespace heartbeat::testing
