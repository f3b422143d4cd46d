#include "kernels/matmul/matmul.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/matmul/matmul_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using testing::random_normal;

// Arguments: n, k, m. Shapes of the three products are those of a linear layer [n, k] -> [n, m], its input gradient and
// its weight gradient.
template <class Kernel, class Spec>
void product_case(benchmark::State& state, const Shape& a_shape, const Shape& b_shape, const Shape& y_shape,
                  Kernel kernel, Spec spec) {
  const Tensor a = random_normal(a_shape, Dtype::f32, 1).to(bench::device());
  const Tensor b = random_normal(b_shape, Dtype::f32, 2).to(bench::device());
  const Tensor y = Tensor::zeros(y_shape, Dtype::f32, bench::device());
  const auto run = [&] {
    bench::on_device([&](auto device) { kernel(device, a.value<float>(), b.value<float>(), y.value<float>()); });
  };
  run();
  std::vector<double> ad = a.to_vector(), bd = b.to_vector(), want(y.numel());
  spec({ad.data(), a.rows(), a.cols()}, {bd.data(), b.rows(), b.cols()}, {want.data(), y.rows(), y.cols()});
  if (testing::nmse(y.to_vector().data(), want.data(), y.numel()) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  const double n = state.range(0), k = state.range(1), m = state.range(2);
  bench::measure(state, run, 4.0 * (a.numel() + b.numel() + y.numel()), 2 * n * k * m);
}

void forward(benchmark::State& state) {
  const long n = state.range(0), k = state.range(1), m = state.range(2);
  product_case(
      state, {n, k}, {m, k}, {n, m},
      [](auto device, auto a, auto b, auto y) { kernels::matmul_transposed<float>(device, a, b, y); },
      kernels::matmul_transposed_spec);
}
void input_gradient(benchmark::State& state) {
  const long n = state.range(0), k = state.range(1), m = state.range(2);
  product_case(
      state, {n, m}, {m, k}, {n, k},
      [](auto device, auto a, auto b, auto y) { kernels::matmul<float>(device, a, b, y); }, kernels::matmul_spec);
}
void weight_gradient(benchmark::State& state) {
  const long n = state.range(0), k = state.range(1), m = state.range(2);
  product_case(
      state, {n, m}, {n, k}, {m, k},
      [](auto device, auto a, auto b, auto y) { kernels::outer_sum_accumulate<float>(device, a, b, y); },
      kernels::outer_sum_spec);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "k", "m"})->Args({8256, 32, 32})->Args({8256, 64, 64})->Args({128, 784, 256});
  bench::repeated(b);
}
BENCHMARK(forward)->Name("matmul/forward")->Apply(sizes);
BENCHMARK(input_gradient)->Name("matmul/input_gradient")->Apply(sizes);
BENCHMARK(weight_gradient)->Name("matmul/weight_gradient")->Apply(sizes);

}  // namespace
