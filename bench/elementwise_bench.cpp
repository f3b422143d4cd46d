#include "kernels/elementwise/elementwise.h"

#include <vector>

#include "bench/support/bench.h"
#include "kernels/elementwise/elementwise_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Argument: elements; 8256 pairs of 32 channels are a protein of 128 residues. run(a, b, y) is compared with
// want(a, b, k) before it is timed. operands: tensors that must be read or written once; flops: for each element.
template <class Run, class Want>
void elementwise_case(benchmark::State& state, int operands, int flops, Run run, Want want) {
  const Tensor a = testing::random_normal({state.range(0), 32}, Dtype::f32, 1).to(bench::device());
  const Tensor b = testing::random_normal(a.shape(), Dtype::f32, 2).to(bench::device());
  const Tensor y = Tensor::zeros(a.shape(), Dtype::f32, bench::device());
  const auto once = [&] {
    bench::on_device([&](auto device) { run(device, a.value<float>(), b.value<float>(), y.value<float>()); });
  };
  once();
  std::vector<double> right(y.numel());
  const std::vector<double> ad = a.to_vector(), bd = b.to_vector();
  for (long k = 0; k < y.numel(); ++k) right[k] = want(ad[k], bd[k], k);
  if (testing::nmse(y.to_vector().data(), right.data(), y.numel()) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, once, 4.0 * operands * y.numel(), double(flops) * y.numel());
}

using In = Matrix<const float>;
using Out = Matrix<float>;

void add(benchmark::State& state) {
  elementwise_case(
      state, 3, 1, [](auto device, In a, In b, Out y) { kernels::add<float>(device, a, b, y); },
      [](double a, double b, long) { return a + b; });
}
// FLOPs of an activation: the polynomial of exp, 6 multiply-adds, and the quotient.
void silu(benchmark::State& state) {
  elementwise_case(
      state, 2, 16, [](auto device, In a, In, Out y) { kernels::silu<float>(device, a, y); },
      [](double a, double, long) { return kernels::silu_spec(a); });
}
void silu_backward(benchmark::State& state) {
  elementwise_case(
      state, 4, 20,
      [](auto device, In a, In b, Out y) {
        kernels::scale<float>(device, 0, a, y);
        kernels::silu_backward<float>(device, a, b, y);
      },
      [](double a, double b, long) { return kernels::silu_slope_spec(a) * b; });
}
void tanh(benchmark::State& state) {
  elementwise_case(
      state, 2, 24, [](auto device, In a, In, Out y) { kernels::tanh<float>(device, a, y); },
      [](double a, double, long) { return kernels::tanh_spec(a); });
}
void dropout(benchmark::State& state) {
  const RandomStream stream = random_stream(1, 2, 3, 4);
  elementwise_case(
      state, 2, 1, [=](auto device, In a, In, Out y) { kernels::dropout<float>(device, stream, 0.1, a, y); },
      [=](double a, double, long k) { return kernels::dropout_spec(stream, 0.1, k, a); });
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("pairs")->Arg(8256)->Arg(131328);
  bench::repeated(b);
}
BENCHMARK(add)->Name("elementwise/add")->Apply(sizes);
BENCHMARK(silu)->Name("elementwise/silu")->Apply(sizes);
BENCHMARK(silu_backward)->Name("elementwise/silu_backward")->Apply(sizes);
BENCHMARK(tanh)->Name("elementwise/tanh")->Apply(sizes);
BENCHMARK(dropout)->Name("elementwise/dropout")->Apply(sizes);

}  // namespace
