// The contact model: a graph network along the chain, then residual convolutions over pairs that are held once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/contact_head.h"
#include "nn/encoder.h"
#include "nn/pair_block.h"
#include "nn/pair_init.h"
#include "nn/triangle_multiplication.h"

namespace heartbeat::nn {

struct TriGcnOptions {
  EncoderOptions encoder;   // whose bf16 goes for the pairs, too; logits are f32 in any case
  int channels = 64;        // C of a pair
  int blocks = 16;          // of the trunk, dilated 1, 2, 4, 8, 16 and again; 0 scores pairs straight from residues
  int triangle_every = 4;   // blocks between triangle updates; 0 for none
  int hidden = 32;          // channels of a triangle update
  int outputs = kChannels;  // K
  Tie tie = Tie::none;
  Triangle triangle = Triangle::oriented;
  double dropout = 0.1;
  double residual_gain = 1;       // see PairBlock
  bool noise = false;             // a module fed with N(0, 1) that cannot help: rand_fc
  bool recompute = false;         // keeps one tensor for each block, and runs each block twice
  std::vector<double> frequency;  // see ContactHead
};

// T 369,896, S 1,552,552 or M 2,797,480 parameters. Throws std::invalid_argument, naming the three, for anything else.
TriGcnOptions tri_gcn_options(const std::string& size);

struct TriGcn {
  TriGcn(const TriGcnOptions& options, Init& init);

  // tokens [residues] -> logits [pairs, K]
  Tensor operator()(const Layout& layout, const Ids& tokens, const Mode& mode = {}) const;
  // In the order of the forward pass. Those of the encoder have no prefix, see Encoder.
  Parameters parameters() const;

  TriGcnOptions options;
  static constexpr int kNoise = 10;  // numbers for each residue, drawn anew at every forward pass

  Encoder encoder;
  std::optional<Linear> rand_fc;  // of the article: Linear and ReLU on noise, added to the residues' states
  PairInit pair_init;
  std::vector<PairBlock> trunk;
  std::vector<TriangleMultiplication> triangles;  // number t follows block (t + 1) * triangle_every - 1
  ContactHead head;

 private:
  bool triangle_follows(size_t block) const;
};

}  // namespace heartbeat::nn
