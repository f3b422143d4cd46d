#pragma once

#include <cmath>
#include <vector>

#include "graph/chain_graph.h"
#include "nn/activations.h"
#include "nn/gru_cell.h"

namespace heartbeat::nn {

// Gated graph network (Li et al. 2016) on the residue chains: `steps` times, every residue hears its neighbours,
// m_i = sum_r h_(i + offsets[r]) W_r, and a recurrent unit makes the new state of m_i and h_i. All steps share the
// parameters, which makes their gradients sums over steps: the ones to watch. h [residues, d].
struct GatedGraphConv {
  GatedGraphConv(int d, int steps, int reach, Init& init)
      : steps(steps),
        offsets(chain_offsets(reach)),
        W(init.uniform({long(offsets.size()), d, d}, 1 / std::sqrt(double(offsets.size()) * d))),
        gru(d, d, init) {}

  Tensor operator()(const Layout& layout, Tensor h) const {
    for (int step = 0; step < steps; ++step) {
      Tensor gates;
      h = leaving_nodes("ggn", gru(relation_conv(layout, h, W, offsets), h, activation_listener ? &gates : nullptr),
                        layout);
      leaving_gates("ggn.gru", gates);
    }
    return h;
  }
  Parameters parameters() const { return prefixed({{"", {{"weight", W}}}, {"gru", gru.parameters()}}); }

  int steps;
  std::vector<int> offsets;
  Tensor W;
  GruCell gru;
};

}  // namespace heartbeat::nn
