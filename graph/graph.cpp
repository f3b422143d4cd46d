#include "graph/graph.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>

namespace heartbeat {

Graph::Arrays Graph::compress(long nodes, std::vector<Edge> edges) {
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return std::tie(a.to, a.from) < std::tie(b.to, b.from); });
  Arrays csr;
  csr.row_ptr.assign(nodes + 1, 0);
  int last_row = -1;
  for (const Edge& edge : edges) {
    if (edge.to == last_row && csr.col_idx.back() == edge.from) {
      csr.values.back() += edge.value;
      continue;
    }
    last_row = edge.to;
    csr.col_idx.push_back(edge.from);
    csr.values.push_back(edge.value);
    ++csr.row_ptr[edge.to + 1];
  }
  for (long i = 0; i < nodes; ++i) csr.row_ptr[i + 1] += csr.row_ptr[i];
  return csr;
}

Graph::Graph(long nodes, std::vector<Edge> edges) : nodes_(nodes) {
  for (const Edge& e : edges)
    if (e.to < 0 || e.to >= nodes || e.from < 0 || e.from >= nodes)
      throw std::invalid_argument("graph: edge " + std::to_string(e.from) + " -> " + std::to_string(e.to) +
                                  " leaves a graph of " + std::to_string(nodes) + " nodes");
  forward_ = compress(nodes, edges);
  for (Edge& e : edges) std::swap(e.to, e.from);
  backward_ = compress(nodes, std::move(edges));
}

}  // namespace heartbeat
