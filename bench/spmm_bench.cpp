#include "kernels/spmm/spmm.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "bench/peers/nvidia.h"
#include "bench/support/bench.h"
#include "graph/graph.h"
#include "kernels/spmm/spmm_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: nodes, mean degree, channels. Uniformly random neighbours, seed 1.
Graph uniform(long nodes, long degree) {
  std::mt19937_64 engine(1);
  std::vector<Edge> edges;
  for (long e = 0; e < nodes * degree; ++e) edges.push_back({int(e / degree), int(engine() % nodes), 1.f / degree});
  return Graph(nodes, std::move(edges));
}
// Residue graphs of a batch of proteins: each node with its nearest neighbours along the chain, and as many anywhere in
// its own protein, which is what contacts look like to a cache.
Graph proteins(long count, long residues, long degree) {
  std::mt19937_64 engine(1);
  std::vector<Edge> edges;
  for (long i = 0; i < count * residues; ++i) {
    const long first = i / residues * residues;
    for (long k = 0; k < degree; ++k) {
      const long near = std::clamp(i - degree / 4 + k, first, first + residues - 1);
      edges.push_back({int(i), int(k % 2 ? near : first + long(engine() % residues)), 1.f / degree});
    }
  }
  return Graph(count * residues, std::move(edges));
}
// One row holds a tenth of all entries, the others share the rest.
Graph hub(long nodes, long degree) {
  std::mt19937_64 engine(1);
  std::vector<Edge> edges;
  for (long e = 0; e < nodes * degree; ++e)
    edges.push_back({e % 10 ? int(engine() % nodes) : 0, int(engine() % nodes), 1.f / degree});
  return Graph(nodes, std::move(edges));
}

void spmm_case(benchmark::State& state, const Graph& g, long channels) {
  const long nodes = g.nodes();
  std::vector<float> host(nodes * channels);
  std::mt19937_64 engine(2);
  std::normal_distribution<float> normal;
  for (float& v : host) v = normal(engine);
  const bench::Array<float> x(host), y(nodes * channels);

  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::spmm<float>(device, g.adjacency(device), x.matrix(nodes, channels), y.matrix(nodes, channels));
    });
  };
  run();
  const std::vector<double> exact(host.begin(), host.end());
  std::vector<double> want(host.size());
  kernels::spmm_spec(g.adjacency(), {exact.data(), nodes, channels}, {want.data(), nodes, channels});
  if (testing::nmse(y.host().data(), want.data(), y.size()) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");

  const double nonzeros = double(g.edges());
  std::vector<bench::Peer> peers;
  const bench::nvidia::Spmm cusparse(g, x.data(), y.data(), channels);
  for (const bench::Peer& algorithm : cusparse.algorithms()) {
    algorithm.run();
    if (testing::nmse(y.host().data(), want.data(), y.size()) > testing::parity_bound(Dtype::f32)) continue;
    peers.push_back(algorithm);
  }
  bench::measure(state, run, nonzeros * 8 + (nodes + 1.0) * 4 + 2.0 * nodes * channels * 4, 2 * nonzeros * channels,
                 peers);
}

void uniform_case(benchmark::State& state) {
  spmm_case(state, uniform(state.range(0), state.range(1)), state.range(2));
}
void proteins_case(benchmark::State& state) {
  spmm_case(state, proteins(state.range(0), state.range(1), state.range(2)), state.range(3));
}
void hub_case(benchmark::State& state) {
  spmm_case(state, hub(state.range(0), state.range(1)), state.range(2));
}

BENCHMARK(uniform_case)
    ->Name("spmm/uniform")
    ->ArgNames({"nodes", "degree", "channels"})
    ->ArgsProduct({{512, 4096, 32768}, {8, 32}, {32, 128}})
    ->Apply(bench::repeated);
BENCHMARK(proteins_case)
    ->Name("spmm/proteins")
    ->ArgNames({"proteins", "residues", "degree", "channels"})
    ->ArgsProduct({{64}, {256}, {12, 20}, {64, 128}})
    ->Apply(bench::repeated);
BENCHMARK(hub_case)
    ->Name("spmm/hub")
    ->ArgNames({"nodes", "degree", "channels"})
    ->Args({32768, 8, 64})
    ->Apply(bench::repeated);

}  // namespace
