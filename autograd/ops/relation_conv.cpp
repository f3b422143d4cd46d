#include "kernels/relation_conv/relation_conv.h"

#include <algorithm>

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {

Tensor relation_conv(const Layout& layout, const Tensor& x, const Tensor& W, const std::vector<int>& offsets) {
  expect("relation_conv", x.rows() == layout->residues(), "X has ", x.rows(), " rows, but the batch has ",
         layout->residues(), " residues");
  expect("relation_conv", W.shape().size() == 3 && W.dim(1) == x.cols(), "W is ", W.shape(),
         ", not [relations, in, out] with in = ", x.cols(), ", the columns of X");
  expect("relation_conv", !offsets.empty() && W.dim(0) == long(offsets.size()), "W has ", W.dim(0), " relations, but ",
         offsets.size(), " offsets are given");
  for (size_t r = 0; r < offsets.size(); ++r)
    expect("relation_conv", std::count(offsets.begin(), offsets.end(), offsets[r]) == 1, "offset ", offsets[r],
           " is given twice");
  expect_parameters("relation_conv", x, W);
  expect_one_device("relation_conv", x, W);

  Tensor y({x.rows(), W.cols()}, x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::relation_conv<T>(device, layout->view(device), offsets, x.value<T>(), W.value<Acc<T>>(), y.value<T>());
  });

  if (tape().wants(x) || tape().wants(W))
    tape().record("relation_conv", y, [layout, x, W, offsets, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        const PairBatch batch = layout->view(device);
        if (x.needs_grad())
          kernels::relation_conv_adjoint_x_accumulate<T>(device, batch, offsets, y.grad<T>(), W.value<Acc<T>>(),
                                                         x.grad<T>());
        if (W.needs_grad())
          kernels::relation_conv_adjoint_W_accumulate<T>(device, batch, offsets, x.value<T>(), y.grad<T>(),
                                                         W.grad<Acc<T>>());
      });
    });
  return y;
}

}  // namespace heartbeat
