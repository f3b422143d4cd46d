#include "kernels/elementwise/elementwise.h"

#include "autograd/ops.h"
#include "autograd/random_key.h"
#include "autograd/tape.h"

namespace heartbeat {
namespace {

void expect_equal(const char* op, const Tensor& a, const Tensor& b) {
  expect(op, a.shape() == b.shape(), "A is ", a.shape(), ", but B is ", b.shape());
  expect(op, a.dtype() == b.dtype(), "A is ", name_of(a.dtype()), ", but B is ", name_of(b.dtype()));
  expect_one_device(op, a, b);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  expect_equal("add", a, b);
  Tensor y(a.shape(), a.dtype(), a.device());
  dispatch(a.device(), a.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::add<T>(device, a.value<T>(), b.value<T>(), y.value<T>()); });

  if (tape().wants(a) || tape().wants(b))
    tape().record("add", y, [a, b, y] {
      dispatch(y.device(), y.dtype(), [&]<class T>(auto device, Type<T>) {
        if (a.needs_grad()) kernels::scale_accumulate<T>(device, 1, y.grad<T>(), a.grad<T>());
        if (b.needs_grad()) kernels::scale_accumulate<T>(device, 1, y.grad<T>(), b.grad<T>());
      });
    });
  return y;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  expect_equal("mul", a, b);
  Tensor y(a.shape(), a.dtype(), a.device());
  dispatch(a.device(), a.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::mul<T>(device, a.value<T>(), b.value<T>(), y.value<T>()); });

  if (tape().wants(a) || tape().wants(b))
    tape().record("mul", y, [a, b, y] {
      dispatch(y.device(), y.dtype(), [&]<class T>(auto device, Type<T>) {
        if (a.needs_grad()) kernels::mul_accumulate<T>(device, y.grad<T>(), b.value<T>(), a.grad<T>());
        if (b.needs_grad()) kernels::mul_accumulate<T>(device, y.grad<T>(), a.value<T>(), b.grad<T>());
      });
    });
  return y;
}

Tensor scale(const Tensor& x, double factor) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::scale<T>(device, factor, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("scale", y, [x, y, factor] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::scale_accumulate<T>(device, factor, y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

Tensor add_bias(const Tensor& x, const Tensor& b) {
  expect("add_bias", b.numel() == x.cols(), "x is ", x.shape(), ", but b is ", b.shape());
  expect_parameters("add_bias", x, b);
  expect_one_device("add_bias", x, b);
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    kernels::add_bias<T>(device, x.value<T>(), b.data<Acc<T>>(), y.value<T>());
  });

  if (tape().wants(x) || tape().wants(b))
    tape().record("add_bias", y, [x, b, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        if (x.needs_grad()) kernels::scale_accumulate<T>(device, 1, y.grad<T>(), x.grad<T>());
        if (b.needs_grad()) kernels::column_sum_accumulate<T>(device, y.grad<T>(), b.grad<Acc<T>>().data);
      });
    });
  return y;
}

Tensor relu(const Tensor& x) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::relu<T>(device, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("relu", y, [x, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::relu_backward<T>(device, y.value<T>(), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

Tensor silu(const Tensor& x) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::silu<T>(device, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("silu", y, [x, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::silu_backward<T>(device, x.value<T>(), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

Tensor sigmoid(const Tensor& x) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::sigmoid<T>(device, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("sigmoid", y, [x, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::sigmoid_backward<T>(device, y.value<T>(), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

Tensor tanh(const Tensor& x) {
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::tanh<T>(device, x.value<T>(), y.value<T>()); });

  if (tape().wants(x))
    tape().record("tanh", y, [x, y] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        kernels::tanh_backward<T>(device, y.value<T>(), y.grad<T>(), x.grad<T>());
      });
    });
  return y;
}

Tensor cast(const Tensor& x, Dtype dtype) {
  if (x.dtype() == dtype) return x;
  expect("cast", x.dtype() != Dtype::f64 && dtype != Dtype::f64, "x is ", name_of(x.dtype()), " and is wanted as ",
         name_of(dtype), ", but only f32 and bf16 turn into each other");
  Tensor y(x.shape(), dtype, x.device());
  // f(device) with the kernels' device tag.
  const auto on_device = [](Device device, auto f) {
    dispatch_wide("cast", device, Dtype::f32, [&](auto tag, auto) { f(tag); });
  };
  on_device(x.device(), [&](auto device) {
    if (dtype == Dtype::bf16)
      kernels::cast<float, bf16>(device, x.value<float>(), y.value<bf16>());
    else
      kernels::cast<bf16, float>(device, x.value<bf16>(), y.value<float>());
  });

  if (tape().wants(x))
    tape().record("cast", y, [x, y, on_device] {
      on_device(x.device(), [&](auto device) {
        if (y.dtype() == Dtype::bf16)
          kernels::cast_accumulate<bf16, float>(device, y.grad<bf16>(), x.grad<float>());
        else
          kernels::cast_accumulate<float, bf16>(device, y.grad<float>(), x.grad<bf16>());
      });
    });
  return y;
}

Tensor dropout(const Tensor& x, double p, RandomKey key) {
  expect("dropout", p >= 0 && p < 1, "p is ", p, ", but must be in [0, 1)");
  if (p == 0) return x;
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    with_stream(device, key, [&](auto stream) { kernels::dropout<T>(device, stream, p, x.value<T>(), y.value<T>()); });
  });

  if (tape().wants(x))
    tape().record("dropout", y, [x, y, p, key] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        with_stream(device, key,
                    [&](auto stream) { kernels::dropout_accumulate<T>(device, stream, p, y.grad<T>(), x.grad<T>()); });
      });
    });
  return y;
}

Tensor dropout(const Tensor& x, double p, RandomKey key, const Layout& layout) {
  expect("dropout", p >= 0 && p < 1, "p is ", p, ", but must be in [0, 1)");
  expect("dropout", x.rows() == layout->pairs(), "x has ", x.rows(), " rows, but the layout has ", layout->pairs(),
         " pairs");
  if (p == 0) return x;
  // f(stream, rows) for each protein, rows cutting its part out of a packed matrix.
  const auto each_protein = [key, layout](auto device, auto f) {
    for (long m = 0; m < layout->size(); ++m) {
      const PairMap& map = layout->map(m);
      const auto rows = [&map](auto all) {
        return decltype(all){all.row(map.first_pair), pair_count(map.length), all.cols};
      };
      with_stream(device, key, *layout, m, [&](auto stream) { f(stream, rows); });
    }
  };
  Tensor y(x.shape(), x.dtype(), x.device());
  dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
    each_protein(device, [&](auto stream, auto rows) {
      kernels::dropout<T>(device, stream, p, rows(x.value<T>()), rows(y.value<T>()));
    });
  });

  if (tape().wants(x))
    tape().record("dropout", y, [x, y, p, each_protein] {
      dispatch(x.device(), x.dtype(), [&]<class T>(auto device, Type<T>) {
        each_protein(device, [&](auto stream, auto rows) {
          kernels::dropout_accumulate<T>(device, stream, p, rows(y.grad<T>()), rows(x.grad<T>()));
        });
      });
    });
  return y;
}

}  // namespace heartbeat
