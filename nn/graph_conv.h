#pragma once

#include <memory>

#include "graph/chain_graph.h"
#include "nn/linear.h"

namespace heartbeat::nn {

// Graph convolution (Kipf & Welling 2017): y = A (x W^T + b), A the normalised adjacency of g.
struct GraphConv {
  GraphConv(int in, int out, Init& init) : linear(in, out, init) {}

  Tensor operator()(const std::shared_ptr<const Graph>& g, const Tensor& x) const { return spmm(g, linear(x)); }
  Parameters parameters() const { return prefixed({{"linear", linear.parameters()}}); }

  Linear linear;
};

// The same on the residue chains of a batch: all neighbours share one weight, so on this graph it is a box blur. The
// baseline that shows what relations are for.
struct ChainGraphConv {
  ChainGraphConv(int in, int out, int reach, int dilation, Init& init)
      : conv(in, out, init), reach(reach), dilation(dilation) {}

  Tensor operator()(const Layout& layout, const Tensor& x) const {
    return conv(chain_graph(*layout, reach, dilation), x);
  }
  Parameters parameters() const { return conv.parameters(); }

  GraphConv conv;
  int reach, dilation;
};

}  // namespace heartbeat::nn
