#include "kernels/conv2d/conv2d.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor conv2d(const Tensor& x, const Tensor& W, const Tensor& b, int stride, int padding) {
  expect("conv2d", x.shape().size() == 4, "x is ", x.shape(), ", but must be [images, channels, height, width]");
  expect("conv2d", W.shape().size() == 4 && W.dim(1) == x.dim(1), "W is ", W.shape(), ", but x ", x.shape(),
         " needs [out, ", x.dim(1), ", height, width]");
  expect("conv2d", !b.defined() || b.shape() == Shape{W.dim(0)}, "b is ", b.defined() ? b.shape() : Shape{},
         ", but W has ", W.dim(0), " output channels");
  expect("conv2d", W.dtype() == x.dtype() && (!b.defined() || b.dtype() == x.dtype()), "x is ", name_of(x.dtype()),
         ", but W is ", name_of(W.dtype()), " and b is ", name_of(b.defined() ? b.dtype() : x.dtype()));
  expect_one_device("conv2d", x, W, b);
  expect("conv2d", stride >= 1 && padding >= 0, "stride is ", stride, " and padding ", padding,
         ", but must be at least 1 and 0");
  expect("conv2d",
         W.dim(2) >= 1 && W.dim(3) >= 1 && W.dim(2) <= x.dim(2) + 2 * padding && W.dim(3) <= x.dim(3) + 2 * padding,
         "W is ", W.shape(), ", but x ", x.shape(), " with padding ", padding, " has no room for its kernel");

  const kernels::Conv2dShape shape{x.dim(0), x.dim(1), x.dim(2), x.dim(3), W.dim(0),
                                   W.dim(2), W.dim(3), stride,   padding};
  Tensor y({shape.images, shape.out, shape.out_height(), shape.out_width()}, x.dtype(), x.device());
  dispatch_wide("conv2d", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::conv2d<T>(device, shape, x.data<T>(), W.data<T>(), b.defined() ? b.data<T>() : nullptr, y.data<T>());
  });

  if (tape().wants(x) || tape().wants(W) || tape().wants(b))
    tape().record("conv2d", y, [shape, x, W, b, y] {
      dispatch_wide("conv2d", x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        const T* const dy = y.grad<T>().data;
        if (x.needs_grad()) kernels::conv2d_dx_accumulate<T>(device, shape, dy, W.data<T>(), x.grad<T>().data);
        if (W.needs_grad() || b.needs_grad())
          kernels::conv2d_dw_accumulate<T>(device, shape, x.data<T>(), dy, W.needs_grad() ? W.grad<T>().data : nullptr,
                                           b.needs_grad() ? b.grad<T>().data : nullptr);
      });
    });
  return y;
}

}  // namespace heartbeat
