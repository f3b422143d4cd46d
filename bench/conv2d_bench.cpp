#include "kernels/conv2d/conv2d.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/conv2d/conv2d_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using testing::random_normal;

// Arguments: images, in, size of the image, out, size of the kernel, stride, padding.
struct Problem {
  explicit Problem(const benchmark::State& state)
      : shape{state.range(0), state.range(1), state.range(2), state.range(2), state.range(3),
              state.range(4), state.range(4), state.range(5), state.range(6)},
        x(random_normal({shape.images * shape.x_size()}, Dtype::f32, 1).to(bench::device())),
        W(random_normal({shape.out * shape.taps()}, Dtype::f32, 2).to(bench::device())),
        b(random_normal({shape.out}, Dtype::f32, 3).to(bench::device())),
        dy(random_normal({shape.images * shape.y_size()}, Dtype::f32, 4).to(bench::device())),
        y(Tensor::zeros(dy.shape(), Dtype::f32, bench::device())),
        dx(Tensor::zeros(x.shape(), Dtype::f32, bench::device())),
        dW(Tensor::zeros(W.shape(), Dtype::f32, bench::device())),
        db(Tensor::zeros(b.shape(), Dtype::f32, bench::device())) {}

  void forward() const {
    bench::on_device([&](auto device) {
      kernels::conv2d(device, shape, x.data<float>(), W.data<float>(), b.data<float>(), y.data<float>());
    });
  }
  void input_gradient() const {
    bench::on_device([&](auto device) {
      kernels::conv2d_dx_accumulate(device, shape, dy.data<float>(), W.data<float>(), dx.data<float>());
    });
  }
  void weight_gradient() const {
    bench::on_device([&](auto device) {
      kernels::conv2d_dw_accumulate(device, shape, x.data<float>(), dy.data<float>(), dW.data<float>(),
                                    db.data<float>());
    });
  }
  bool right() const {
    forward(), input_gradient(), weight_gradient();
    const std::vector<double> xd = x.to_vector(), Wd = W.to_vector(), bd = b.to_vector(), dyd = dy.to_vector();
    std::vector<double> yd(y.numel()), dxd(x.numel()), dWd(W.numel()), dbd(b.numel());
    kernels::conv2d_spec(shape, xd.data(), Wd.data(), bd.data(), yd.data());
    kernels::conv2d_gradient_spec(shape, xd.data(), Wd.data(), dyd.data(), dxd.data(), dWd.data(), dbd.data());
    const double bound = testing::parity_bound(Dtype::f32);
    return testing::nmse(y.to_vector().data(), yd.data(), y.numel()) < bound &&
           testing::nmse(dx.to_vector().data(), dxd.data(), x.numel()) < bound &&
           testing::nmse(dW.to_vector().data(), dWd.data(), W.numel()) < bound;
  }

  kernels::Conv2dShape shape;
  Tensor x, W, b, dy, y, dx, dW, db;
};

template <void (Problem::*Run)() const>
void conv2d_case(benchmark::State& state) {
  const Problem p(state);
  if (!p.right()) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { (p.*Run)(); }, 4.0 * (p.x.numel() + p.W.numel() + p.y.numel()), 2.0 * p.shape.work());
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"images", "in", "size", "out", "kernel", "stride", "padding"});
  b->Args({64, 1, 28, 20, 5, 1, 0})->Args({64, 20, 12, 50, 5, 1, 0});  // the digits network
  b->Args({8, 64, 28, 64, 3, 1, 1})->Args({8, 64, 28, 128, 3, 2, 1});
  bench::repeated(b);
}
BENCHMARK(conv2d_case<&Problem::forward>)->Name("conv2d/forward")->Apply(sizes);
BENCHMARK(conv2d_case<&Problem::input_gradient>)->Name("conv2d/input_gradient")->Apply(sizes);
BENCHMARK(conv2d_case<&Problem::weight_gradient>)->Name("conv2d/weight_gradient")->Apply(sizes);

}  // namespace
