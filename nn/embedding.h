#pragma once

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace heartbeat::nn {

// Row ids[i] of W [vocabulary, d]. W starts normal with mean 0 and deviation 1, as PyTorch's does.
struct Embedding {
  Embedding(int vocabulary, int d, Init& init) : W(init.normal({vocabulary, d}, 1)) {}

  Tensor operator()(const Ids& ids) const { return embedding(W, ids); }
  Parameters parameters() const { return {{"weight", W}}; }

  Tensor W;
};

}  // namespace heartbeat::nn
