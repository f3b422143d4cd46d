// Sparse graphs in CSR form, each with its stored transpose: backward is then the same deterministic kernel.
#pragma once

#include <vector>

#include "kernels/common/base.h"

namespace heartbeat {

struct Edge {
  int to = 0, from = 0;  // message goes from -> to: entry (to, from) of the adjacency
  float value = 1;
};

class Graph {
 public:
  // Entries in any order; those of equal (to, from) are added. Throws std::invalid_argument when an edge leaves
  // [0, nodes).
  Graph(long nodes, std::vector<Edge> edges);

  long nodes() const { return nodes_; }
  long edges() const { return long(forward_.col_idx.size()); }
  Csr adjacency() const { return forward_.view(nodes_); }
  Csr adjacency_transposed() const { return backward_.view(nodes_); }

 private:
  struct Arrays {
    std::vector<int> row_ptr, col_idx;
    std::vector<float> values;
    Csr view(long n) const { return {row_ptr.data(), col_idx.data(), values.data(), n, n}; }
  };
  static Arrays compress(long nodes, std::vector<Edge> edges);

  long nodes_;
  Arrays forward_, backward_;
};

}  // namespace heartbeat
