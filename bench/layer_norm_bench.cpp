#include "kernels/layer_norm/layer_norm.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/layer_norm/layer_norm_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using testing::random_normal;

// Arguments: rows, channels. 8256 rows are the pairs of a protein of 128 residues.
struct Problem {
  explicit Problem(const benchmark::State& state)
      : n(state.range(0)),
        c(state.range(1)),
        x(random_normal({n, c}, Dtype::f32, 1).to(bench::device())),
        gain(random_normal({c}, Dtype::f32, 2).to(bench::device())),
        bias(random_normal({c}, Dtype::f32, 3).to(bench::device())),
        dy(random_normal({n, c}, Dtype::f32, 4).to(bench::device())),
        y(Tensor::zeros({n, c}, Dtype::f32, bench::device())),
        statistics(Tensor::zeros({n, 2}, Dtype::f32, bench::device())),
        dx(Tensor::zeros({n, c}, Dtype::f32, bench::device())),
        dgain(Tensor::zeros({c}, Dtype::f32, bench::device())),
        dbias(Tensor::zeros({c}, Dtype::f32, bench::device())) {}

  void forward() const {
    bench::on_device([&](auto device) {
      kernels::layer_norm_silu<float>(device, x.value<float>(), gain.data<float>(), bias.data<float>(), 1e-5,
                                      y.value<float>(), statistics.value<float>());
    });
  }
  void backward() const {
    bench::on_device([&](auto device) {
      kernels::layer_norm_silu_backward<float>(device, x.value<float>(), gain.data<float>(), bias.data<float>(),
                                               statistics.value<float>(), dy.value<float>(), dx.data<float>(),
                                               dgain.data<float>(), dbias.data<float>());
    });
  }
  bool right() const {
    forward();
    backward();
    const std::vector<double> xd = x.to_vector(), gd = gain.to_vector(), bd = bias.to_vector(), dyd = dy.to_vector();
    std::vector<double> yd(n * c), dxd(n * c), dgd(c), dbd(c);
    kernels::layer_norm_silu_spec({xd.data(), n, c}, gd.data(), bd.data(), 1e-5, {yd.data(), n, c});
    kernels::layer_norm_backward_spec(true, {xd.data(), n, c}, gd.data(), bd.data(), 1e-5, {dyd.data(), n, c},
                                      dxd.data(), dgd.data(), dbd.data());
    const double bound = testing::parity_bound(Dtype::f32);
    return testing::nmse(y.to_vector().data(), yd.data(), n * c) < bound &&
           testing::nmse(dx.to_vector().data(), dxd.data(), n * c) < bound &&
           testing::nmse(dgain.to_vector().data(), dgd.data(), c) < bound;
  }

  long n, c;
  Tensor x, gain, bias, dy, y, statistics, dx, dgain, dbias;
};

// FLOPs of one element: 8 of the norm, 16 of silu; backward 14 of the norm and 20 of silu's slope.
void forward(benchmark::State& state) {
  const Problem p(state);
  if (!p.right()) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { p.forward(); }, 8.0 * p.n * p.c + 8.0 * p.n, 24.0 * p.n * p.c);
}
void backward(benchmark::State& state) {
  const Problem p(state);
  if (!p.right()) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { p.backward(); }, 16.0 * p.n * p.c + 8.0 * p.n, 34.0 * p.n * p.c);
}
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "c"})->ArgsProduct({{8256, 131328}, {32, 64}});
  bench::repeated(b);
}
BENCHMARK(forward)->Name("layer_norm_silu/forward")->Apply(sizes);
BENCHMARK(backward)->Name("layer_norm_silu/backward")->Apply(sizes);

}  // namespace
