#include "kernels/triangle_multiplication/triangle_multiplication.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/triangle_multiplication/triangle_multiplication_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

std::vector<float> random_values(long n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(engine);
  return values;
}

// Arguments: residues, hidden channels. The oriented form; the FLOPs are those of the upper triangle.
void forward(benchmark::State& state) {
  const long L = state.range(0), H = state.range(1);
  const PairLayout layout({single_chain(L)});
  const long pairs = layout.pairs();
  const std::vector<float> ah = random_values(pairs * H, 1), bh = random_values(pairs * H, 2);
  const bench::Array<float> a(ah), b(bh), z(pairs * H);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::triangle_multiplication<float>(device, layout.view(device), a.matrix(pairs, H), b.matrix(pairs, H),
                                              Triangle::oriented, z.matrix(pairs, H));
    });
  };
  run();
  if (L <= 128) {
    std::vector<double> a_spec(ah.begin(), ah.end()), b_spec(bh.begin(), bh.end()), want(z.size());
    kernels::triangle_multiplication_spec(layout.view(), {a_spec.data(), pairs, H}, {b_spec.data(), pairs, H},
                                          Triangle::oriented, {want.data(), pairs, H});
    if (testing::nmse(z.host().data(), want.data(), long(z.size())) > testing::parity_bound(Dtype::f32))
      return state.SkipWithError("wrong result");
  }
  bench::measure(state, run, 3.0 * z.size() * 4, 2.0 * L * z.size());
}

void backward(benchmark::State& state) {
  const long L = state.range(0), H = state.range(1);
  const PairLayout layout({single_chain(L)});
  const long pairs = layout.pairs();
  const bench::Array<float> a(random_values(pairs * H, 1)), b(random_values(pairs * H, 2));
  const bench::Array<float> dz(random_values(pairs * H, 3)), z(pairs * H), da(pairs * H), db(pairs * H);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::triangle_multiplication_backward<float>(device, layout.view(device), dz.matrix(pairs, H),
                                                       a.matrix(pairs, H), b.matrix(pairs, H), Triangle::oriented,
                                                       da.matrix(pairs, H), db.matrix(pairs, H));
    });
  };
  run();
  bench::on_device([&](auto device) {
    kernels::triangle_multiplication<float>(device, layout.view(device), a.matrix(pairs, H), b.matrix(pairs, H),
                                            Triangle::oriented, z.matrix(pairs, H));
  });
  // The product is linear in a and in b, so both gradients have the inner product of dz and z.
  if (!bench::is_adjoint(dz, z, da, a) || !bench::is_adjoint(dz, z, db, b)) return state.SkipWithError("wrong result");
  bench::measure(state, run, 7.0 * dz.size() * 4, 4.0 * L * dz.size());
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"L", "H"})->ArgsProduct({{64, 128, 256, 384}, {16, 32}})->Apply(bench::repeated);
}
BENCHMARK(forward)->Name("triangle_multiplication")->Apply(sizes);
BENCHMARK(backward)->Name("triangle_multiplication_backward")->Apply(sizes);

}  // namespace
