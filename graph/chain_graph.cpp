#include "graph/chain_graph.h"

#include <cmath>

#include "kernels/common/chain.h"

namespace heartbeat {

std::vector<int> chain_offsets(int reach, int dilation) {
  std::vector<int> offsets = {0};
  for (int step = 1; step <= reach; ++step) {
    offsets.push_back(-step * dilation);
    offsets.push_back(step * dilation);
  }
  return offsets;
}

std::shared_ptr<const Graph> chain_graph(const PairLayout& layout, int reach, int dilation) {
  std::vector<Edge> edges;
  std::vector<float> degree(layout.residues(), 0);
  const std::vector<int> offsets = chain_offsets(reach, dilation);
  for (long m = 0; m < layout.size(); ++m) {
    const PairMap& map = layout.map(m);
    for (long i = 0; i < map.length; ++i)
      for (int offset : offsets)
        if (const long j = chain_neighbour(map, i, offset); j >= 0) {
          edges.push_back({int(map.first_residue + i), int(map.first_residue + j)});
          ++degree[map.first_residue + i];
        }
  }
  for (Edge& e : edges) e.value = 1 / std::sqrt(degree[e.to] * degree[e.from]);
  return std::make_shared<const Graph>(layout.residues(), std::move(edges));
}

}  // namespace heartbeat
