#include "kernels/pair_init/pair_init.h"

#include "autograd/ops.h"
#include "autograd/tape.h"

namespace heartbeat {
namespace {

template <class T>
Matrix<T> wanted_grad(const Tensor& x) {
  return x.needs_grad() ? x.grad<T>() : Matrix<T>{};
}

}  // namespace

Tensor pair_init(const Layout& layout, const Tensor& h, const Tensor& W_l, const Tensor& W_r, const Tensor& W_m,
                 const Tensor& E, const Tensor& b) {
  const char* const op = "pair_init";
  const long d = h.cols(), C = W_l.rows();
  expect(op, h.rows() == layout->residues(), "h has ", h.rows(), " rows, but the batch has ", layout->residues(),
         " residues");
  for (const Tensor& W : {W_l, W_r, W_m})
    expect(op, W.shape() == Shape{C, d}, "a weight is ", W.shape(), ", but h and W_l ask for ", Shape{C, d});
  expect(op, E.shape() == Shape{kBuckets, C}, "E is ", E.shape(), ", not ", Shape{kBuckets, C});
  expect(op, b.numel() == C, "b has ", b.numel(), " entries, but there are ", C, " channels");
  expect_parameters(op, h, W_l, W_r, W_m, E, b);
  expect_one_device(op, h, W_l, W_r, W_m, E, b);

  Tensor z({layout->pairs(), C}, h.dtype(), h.device());
  const auto weights = [=]<class T>(Type<T>) -> kernels::PairInitWeights<const Acc<T>> {
    using A = Acc<T>;
    return {W_l.value<A>(), W_r.value<A>(), W_m.value<A>(), E.value<A>(), b.value<A>()};
  };
  dispatch(h.device(), h.dtype(), [&]<class T>(auto device, Type<T> type) {
    kernels::pair_init<T>(device, layout->view(device), h.value<T>(), weights(type), z.value<T>());
  });

  bool wanted = false;
  for (const Tensor& x : {h, W_l, W_r, W_m, E, b}) wanted |= tape().wants(x);
  if (wanted)
    tape().record(op, z, [=] {
      dispatch(h.device(), h.dtype(), [&]<class T>(auto device, Type<T> type) {
        using A = Acc<T>;
        kernels::pair_init_backward<T>(
            device, layout->view(device), z.grad<T>(), h.value<T>(), weights(type), wanted_grad<T>(h),
            {wanted_grad<A>(W_l), wanted_grad<A>(W_r), wanted_grad<A>(W_m), wanted_grad<A>(E), wanted_grad<A>(b)});
      });
    });
  return z;
}

}  // namespace heartbeat
