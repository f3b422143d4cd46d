#include "kernels/segment_reduce/segment_reduce.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {
namespace {

using kernels::Reduce;

Tensor segment_reduce(const char* op, Reduce how, const Tensor& x, const Ids& offsets) {
  const std::vector<int>& o = *offsets;
  expect(op, !o.empty() && o.front() == 0, "offsets must begin with 0");
  for (size_t s = 1; s < o.size(); ++s)
    expect(op, o[s] >= o[s - 1], "offsets[", s, "] is ", o[s], ", below offsets[", s - 1, "], which is ", o[s - 1]);
  expect(op, o.back() == x.rows(), "offsets end at ", o.back(), ", but X has ", x.rows(), " rows");

  Tensor y({long(o.size()) - 1, x.cols()}, x.dtype(), x.device());
  dispatch_wide(op, x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::segment_reduce<T>(device, how, offsets.on(device), x.value<T>(), y.value<T>());
  });

  if (tape().wants(x))
    tape().record(op, y, [op, how, offsets, x, y] {
      dispatch_wide(op, x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::segment_reduce_adjoint_accumulate<T>(device, how, offsets.on(device), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

}  // namespace

Tensor segment_sum(const Tensor& x, const Ids& offsets) {
  return segment_reduce("segment_sum", Reduce::sum, x, offsets);
}
Tensor segment_mean(const Tensor& x, const Ids& offsets) {
  return segment_reduce("segment_mean", Reduce::mean, x, offsets);
}

}  // namespace heartbeat
