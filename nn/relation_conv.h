#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "graph/chain_graph.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// Relational graph convolution on the residue chains: y_i = sum_r x_(i + offsets[r]) W_r + b, with x [residues, in] and
// W [relations, in, out]. W and b start uniform in +-1/sqrt(relations * in), as those of PyTorch's Conv1d do.
struct RelationConv {
  RelationConv(int in, int out, int reach, int dilation, Init& init) : offsets(chain_offsets(reach, dilation)) {
    const int relations = int(offsets.size());
    const double bound = 1 / std::sqrt(relations * in);
    W = init.uniform({relations, in, out}, bound);
    b = init.uniform({out}, bound);
  }

  Tensor operator()(const Layout& layout, const Tensor& x) const {
    return add_bias(relation_conv(layout, x, W, offsets), b);
  }
  Parameters parameters() const { return {{"weight", W}, {"bias", b}}; }

  std::vector<int> offsets;
  Tensor W, b;
};

}  // namespace heartbeat::nn
