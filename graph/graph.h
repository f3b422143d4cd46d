// Sparse graphs in CSR form, each with its stored transpose: backward is then the same deterministic kernel.
#pragma once

#include <vector>

#include "kernels/common/base.h"
#include "kernels/common/mirror.h"

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
  // For kernels on the device of this tag.
  template <class DeviceTag = Cpu>
  Csr adjacency(DeviceTag device = {}) const {
    return forward_.view(device, nodes_);
  }
  template <class DeviceTag = Cpu>
  Csr adjacency_transposed(DeviceTag device = {}) const {
    return backward_.view(device, nodes_);
  }

 private:
  struct Arrays {
    std::vector<int> row_ptr, col_idx;
    std::vector<float> values;
    Mirror<int> row_ptr_mirror, col_idx_mirror;
    Mirror<float> values_mirror;

    template <class DeviceTag>
    Csr view(DeviceTag device, long n) const {
      return {row_ptr_mirror.of(device, row_ptr), col_idx_mirror.of(device, col_idx), values_mirror.of(device, values),
              n, n};
    }
  };
  static Arrays compress(long nodes, std::vector<Edge> edges);

  long nodes_;
  Arrays forward_, backward_;
};

}  // namespace heartbeat
