#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// Residue states h [residues, d] -> pair states [pairs, C]: W_l h_i + W_r h_j + W_m (h_i * h_j) + E[bucket(i, j)] + b.
// 3 C d + 64 C + C parameters. W and b start uniform in +-1/sqrt(d), E normal with the deviation that gives a W
// on states of variance 1, so that the separation starts as loud as each of the other terms.
struct PairInit {
  PairInit(int d, int C, Init& init)
      : W_l(init.uniform({C, d}, 1 / std::sqrt(d))),
        W_r(init.uniform({C, d}, 1 / std::sqrt(d))),
        W_m(init.uniform({C, d}, 1 / std::sqrt(d))),
        E(init.normal({kBuckets, C}, 1 / std::sqrt(3.0))),
        b(init.uniform({C}, 1 / std::sqrt(d))) {}

  Tensor operator()(const Layout& layout, const Tensor& h) const { return pair_init(layout, h, W_l, W_r, W_m, E, b); }
  Parameters parameters() const {
    return {
        {"left.weight", W_l}, {"right.weight", W_r}, {"product.weight", W_m}, {"separation.weight", E}, {"bias", b}};
  }

  Tensor W_l, W_r, W_m, E, b;
};

}  // namespace heartbeat::nn
