// From letters to residue states: the part of a contact model that walks along the chain.
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "graph/protein.h"
#include "nn/activations.h"
#include "nn/embedding.h"
#include "nn/gated_graph_conv.h"
#include "nn/graph_conv.h"
#include "nn/layer_norm.h"
#include "nn/relation_conv.h"

namespace heartbeat::nn {

enum class EncoderKind { relation, ggn, gcn };

// Throws std::invalid_argument, naming the three, for anything else.
inline EncoderKind encoder_kind(const std::string& name) {
  if (name == "relation") return EncoderKind::relation;
  if (name == "ggn") return EncoderKind::ggn;
  if (name == "gcn") return EncoderKind::gcn;
  throw std::invalid_argument("encoder '" + name + "' is not known; choose relation, ggn or gcn");
}

struct EncoderOptions {
  EncoderKind kind = EncoderKind::relation;
  int width = 96;     // channels of a residue state
  int depth = 6;      // residual blocks, or steps of the gated graph network
  int reach = 2;      // neighbours on each side, times the dilation of a block: 2 reach + 1 relations
  bool bf16 = false;  // states are stored as bf16, parameters stay f32
};

// Pre-activation residual blocks, x + conv(silu(norm(x))), dilated 1, 2, 4, 1, 2, 4: six of reach 2 hear 28 residues on
// each side. Nothing is normalised after the last one; what follows does that.
template <class Conv>
struct ResidualStack {
  static constexpr std::array<int, 3> kDilations = {1, 2, 4};
  struct Block {
    LayerNorm norm;
    Conv conv;
  };

  ResidualStack(const EncoderOptions& o, Init& init) {
    for (int k = 0; k < o.depth; ++k)
      blocks.push_back({{o.width, init}, {o.width, o.width, o.reach, kDilations[k % kDilations.size()], init}});
  }

  Tensor operator()(const Layout& layout, Tensor x) const {
    for (size_t k = 0; k < blocks.size(); ++k)
      x = leaving_nodes("blocks." + std::to_string(k), add(x, blocks[k].conv(layout, blocks[k].norm.silu(x))), layout);
    return x;
  }
  Parameters parameters() const {
    Parameters all;
    for (size_t k = 0; k < blocks.size(); ++k) {
      const std::string name = "blocks." + std::to_string(k);
      const Block& block = blocks[k];
      for (const NamedTensor& p :
           prefixed({{name + ".norm", block.norm.parameters()}, {name + ".conv", block.conv.parameters()}}))
        all.push_back(p);
    }
    return all;
  }

  std::vector<Block> blocks;
};

// tokens [residues] of a batch -> states [residues, width].
//
//   relation  residual blocks, a weight for each offset: 21 w + depth (5 w^2 + 3 w) parameters, 280,224 as it stands
//   gcn       the same with one weight for all offsets: a blur, the baseline
//   ggn       a gated graph network with shared steps: 21 w + 11 w^2 + 6 w parameters, 103,968
//
// Parameters are embedding.weight, and blocks.N.norm.weight ... or ggn.weight ... ggn.gru.bias_hh. A model lists them
// without a prefix of its own, so that they come out under these names.
struct Encoder {
  Encoder(const EncoderOptions& o, Init& init)
      : options(o), embedding(kTokens, o.width, init), body(make_body(o, init)) {}

  Tensor operator()(const Layout& layout, const Ids& tokens) const {
    expect("encoder", long(tokens->size()) == layout->residues(), tokens->size(), " tokens are given for a batch of ",
           layout->residues(), " residues");
    const Tensor states = embedding(tokens);
    return std::visit([&](const auto& b) { return b(layout, options.bf16 ? cast(states, Dtype::bf16) : states); },
                      body);
  }
  Parameters parameters() const {
    const Parameters inner = std::visit([](const auto& b) { return b.parameters(); }, body);
    return prefixed({{"embedding", embedding.parameters()}, {options.kind == EncoderKind::ggn ? "ggn" : "", inner}});
  }

  using Body = std::variant<ResidualStack<RelationConv>, ResidualStack<ChainGraphConv>, GatedGraphConv>;
  static Body make_body(const EncoderOptions& o, Init& init) {
    if (o.kind == EncoderKind::relation) return ResidualStack<RelationConv>(o, init);
    if (o.kind == EncoderKind::gcn) return ResidualStack<ChainGraphConv>(o, init);
    return GatedGraphConv(o.width, o.depth, o.reach, init);
  }

  EncoderOptions options;
  Embedding embedding;
  Body body;
};

}  // namespace heartbeat::nn
