#include "kernels/pair_conv/pair_conv.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor pair_conv(const Layout& layout, const Tensor& x, const Tensor& W, const Tensor& b, int dilation, Tie tie) {
  const bool tied = tie == Tie::transpose;
  const Shape want = tied ? Shape{W.dim(0), x.cols(), 6} : Shape{W.dim(0), x.cols(), 3, 3};
  expect("pair_conv", x.rows() == layout->pairs(), "x has ", x.rows(), " rows, but the layout has ", layout->pairs(),
         " pairs");
  expect("pair_conv", W.shape() == want, "W is ", W.shape(), ", but x ", x.shape(), " needs ", want);
  expect("pair_conv", !b.defined() || b.shape() == Shape{W.dim(0)}, "b is ", b.defined() ? b.shape() : Shape{},
         ", but W has ", W.dim(0), " output channels");
  expect("pair_conv", dilation >= 1, "dilation is ", dilation, ", but must be at least 1");
  expect_parameters("pair_conv", x, W, b);
  expect_one_device("pair_conv", x, W, b);

  const kernels::PairConvShape shape{x.cols(), W.dim(0), dilation, tied};
  Tensor y({x.rows(), shape.out}, x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::pair_conv<T>(device, layout->view(device), shape, x.value<T>(), W.data<Acc<T>>(),
                          b.defined() ? b.data<Acc<T>>() : nullptr, y.value<T>());
  });

  if (tape().wants(x) || tape().wants(W) || tape().wants(b))
    tape().record("pair_conv", y, [layout, shape, x, W, b, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        if (x.needs_grad())
          kernels::pair_conv_dx_accumulate<T>(device, layout->view(device), shape, y.grad<T>(), W.data<Acc<T>>(),
                                              x.grad<T>());
        if (W.needs_grad() || b.needs_grad())
          kernels::pair_conv_dw_accumulate<T>(device, layout->view(device), shape, x.value<T>(), y.grad<T>(),
                                              W.needs_grad() ? W.grad<Acc<T>>().data : nullptr,
                                              b.needs_grad() ? b.grad<Acc<T>>().data : nullptr);
      });
    });
  return y;
}

}  // namespace heartbeat
