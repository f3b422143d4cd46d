#include "kernels/max_pool/max_pool.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/max_pool/max_pool_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using testing::random_normal;

// Arguments: planes, size of a plane, size of the window, stride.
struct Problem {
  explicit Problem(const benchmark::State& state)
      : shape{state.range(0), state.range(1), state.range(1), state.range(2), state.range(3)},
        outputs(shape.planes * shape.out_height() * shape.out_width()),
        x(random_normal({shape.planes * shape.height * shape.width}, Dtype::f32, 1).to(bench::device())),
        dy(random_normal({outputs}, Dtype::f32, 2).to(bench::device())),
        y(Tensor::zeros({outputs}, Dtype::f32, bench::device())),
        dx(Tensor::zeros(x.shape(), Dtype::f32, bench::device())),
        from(outputs) {}

  void forward() {
    bench::on_device(
        [&](auto device) { kernels::max_pool(device, shape, x.data<float>(), y.data<float>(), from.data()); });
  }
  void backward() {
    bench::on_device([&](auto device) {
      kernels::max_pool_dx_accumulate(device, shape, dy.data<float>(), from.data(), dx.data<float>());
    });
  }
  bool right() {
    forward();
    std::vector<double> want(outputs);
    std::vector<std::int32_t> want_from(outputs);
    kernels::max_pool_spec(shape, x.to_vector().data(), want.data(), want_from.data());
    return testing::nmse(y.to_vector().data(), want.data(), outputs) == 0 && from.host() == want_from;
  }

  kernels::MaxPoolShape shape;
  long outputs;
  Tensor x, dy, y, dx;
  bench::Array<std::int32_t> from;
};

// Forward reads x and writes y and places; backward reads two of them and moves a line of dx for each.
template <void (Problem::*Run)()>
void max_pool_case(benchmark::State& state) {
  Problem p(state);
  if (!p.right()) return state.SkipWithError("wrong result");
  bench::measure(
      state, [&] { (p.*Run)(); }, 4.0 * (p.x.numel() + 2 * p.outputs), double(p.outputs * p.shape.size * p.shape.size));
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"planes", "size", "window", "stride"});
  b->Args({64 * 20, 24, 2, 2})->Args({64 * 50, 8, 2, 2})->Args({256, 56, 3, 2});
  bench::repeated(b);
}
BENCHMARK(max_pool_case<&Problem::forward>)->Name("max_pool/forward")->Apply(sizes);
BENCHMARK(max_pool_case<&Problem::backward>)->Name("max_pool/backward")->Apply(sizes);

}  // namespace
