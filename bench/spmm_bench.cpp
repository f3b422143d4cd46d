#include "kernels/spmm/spmm.h"

#include <memory>
#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/graph.h"
#include "kernels/spmm/spmm_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: nodes, mean degree, channels. Uniformly random neighbours, seed 1.
void spmm_case(benchmark::State& state) {
  const long nodes = state.range(0), degree = state.range(1), channels = state.range(2);
  std::mt19937_64 engine(1);
  std::vector<Edge> edges;
  for (long e = 0; e < nodes * degree; ++e) edges.push_back({int(e / degree), int(engine() % nodes), 1.f / degree});
  const Graph g(nodes, std::move(edges));
  std::vector<float> x(nodes * channels), y(nodes * channels);
  std::normal_distribution<float> normal;
  for (float& v : x) v = normal(engine);

  const auto run = [&] {
    kernels::spmm<float>(Cpu{}, g.adjacency(), {x.data(), nodes, channels}, {y.data(), nodes, channels});
  };
  run();
  std::vector<double> xd(x.begin(), x.end()), want(y.size());
  kernels::spmm_spec(g.adjacency(), {xd.data(), nodes, channels}, {want.data(), nodes, channels});
  if (testing::nmse(y.data(), want.data(), long(y.size())) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");

  for (auto _ : state) run();
  const double nonzeros = double(g.edges());
  bench::declare(state, nonzeros * 8 + (nodes + 1.0) * 4 + 2.0 * nodes * channels * 4, 2 * nonzeros * channels);
}

BENCHMARK(spmm_case)
    ->Name("spmm")
    ->ArgNames({"nodes", "degree", "channels"})
    ->ArgsProduct({{512, 4096, 32768}, {8, 32}, {32, 128}})
    ->Apply(bench::repeated);

}  // namespace
