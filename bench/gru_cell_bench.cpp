#include "kernels/gru_cell/gru_cell.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/gru_cell/gru_cell_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: rows, channels of state and message; forward, and then backward to everything. Seed 1.
template <bool kBackward>
void gru_cell_case(benchmark::State& state) {
  const long n = state.range(0), d = state.range(1);
  std::mt19937_64 engine(1);
  std::normal_distribution<float> normal;
  const auto random = [&](long size, float deviation) {
    std::vector<float> values(size);
    for (float& v : values) v = deviation * normal(engine);
    return bench::Array<float>(values);
  };
  const bench::Array<float> m = random(n * d, 1), h = random(n * d, 1), W_ih = random(3 * d * d, 0.1f);
  const bench::Array<float> W_hh = random(3 * d * d, 0.1f), b = random(3 * d, 0.1f), y(n * d), gates(4 * n * d);
  const kernels::GruWeights<const float> W{
      {W_ih.data(), 3 * d, d}, {W_hh.data(), 3 * d, d}, {b.data(), 1, 3 * d}, {b.data(), 1, 3 * d}};
  const auto forward = [&] {
    bench::on_device([&](auto device) {
      kernels::gru_cell<float>(device, W, {m.data(), n, d}, {h.data(), n, d}, {gates.data(), n, 4 * d},
                               {y.data(), n, d});
    });
  };
  forward();
  const auto wide = [](const bench::Array<float>& v) {
    const std::vector<float> host = v.host();
    return std::vector<double>(host.begin(), host.end());
  };
  const auto md = wide(m), hd = wide(h), W_ihd = wide(W_ih), W_hhd = wide(W_hh), bd = wide(b);
  std::vector<double> want(n * d);
  kernels::gru_cell_spec(
      {{W_ihd.data(), 3 * d, d}, {W_hhd.data(), 3 * d, d}, {bd.data(), 1, 3 * d}, {bd.data(), 1, 3 * d}},
      {md.data(), n, d}, {hd.data(), n, d}, {want.data(), n, d});
  if (testing::nmse(y.host().data(), want.data(), n * d) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");

  if constexpr (!kBackward) {
    bench::measure(state, forward, 4.0 * double(7 * n * d + 6 * d * d + 6 * d), 12.0 * double(n) * double(d * d));
  } else {
    const bench::Array<float> dm(n * d), dh(n * d), dW_ih(3 * d * d), dW_hh(3 * d * d), db_ih(3 * d), db_hh(3 * d);
    const auto backward = [&] {
      bench::on_device([&](auto device) {
        kernels::gru_cell_adjoint_accumulate<float>(
            device, W, {m.data(), n, d}, {h.data(), n, d}, {gates.data(), n, 4 * d}, {y.data(), n, d},
            {{dm.data(), n, d},
             {dh.data(), n, d},
             {{dW_ih.data(), 3 * d, d}, {dW_hh.data(), 3 * d, d}, {db_ih.data(), 1, 3 * d}, {db_hh.data(), 1, 3 * d}}});
      });
    };
    bench::measure(state, backward, 4.0 * double(9 * n * d + 12 * d * d + 6 * d), 24.0 * double(n) * double(d * d));
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"rows", "d"})->Args({128, 64})->Args({256, 96})->Args({2048, 96}));
}
BENCHMARK(gru_cell_case<false>)->Name("gru_cell")->Apply(sizes);
BENCHMARK(gru_cell_case<true>)->Name("gru_cell/adjoint")->Apply(sizes);

}  // namespace
