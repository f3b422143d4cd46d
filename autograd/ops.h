// All differentiable ops. Each is defined in autograd/ops/<stem>.cpp, forward and backward on one screen; equations and
// shapes of the kernels stand in kernels/<stem>/<stem>.h. Wrong shapes throw std::invalid_argument with both sides.
//
// Activations of one op have one dtype, and so have its result and their gradients. Parameters (W, b, gain, ...) and
// their gradients are f32 where activations are stored as bf16, else of the same dtype; statistics for backward, too.
// Every op computes in that type and rounds once, where it stores. cast() stands between f32 and bf16. The ops of the
// contact model store bf16, the others refuse it: embedding, concat, conv2d, max_pool, segment_reduce, normal_noise and
// everything from contact_loss on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/ids.h"
#include "autograd/tensor.h"
#include "graph/contact_targets.h"
#include "graph/graph.h"
#include "graph/pair_layout.h"
#include "kernels/triangle_multiplication/triangle_multiplication.h"

namespace heartbeat {

using Layout = std::shared_ptr<const PairLayout>;

// Names one random mask: the same key gives the same mask on every device and in every recomputation.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0, layer = 0;
  const std::uint32_t* device_step = nullptr;  // on a GPU, in its memory: read instead of step, for a recorded step
};

// matmul
Tensor matmul(const Tensor& x, const Tensor& W);             // x W:   [n, k] x [k, m] -> [n, m]
Tensor matmul_transposed(const Tensor& x, const Tensor& W);  // x W^T: [n, k] x [m, k] -> [n, m]
// x W^T in the dtype of W, whatever that of x: logits are f32 above a trunk of bf16.
Tensor matmul_transposed_wide(const Tensor& x, const Tensor& W);

// elementwise
Tensor add(const Tensor& a, const Tensor& b);  // equal shapes
Tensor mul(const Tensor& a, const Tensor& b);  // equal shapes
Tensor scale(const Tensor& x, double factor);
Tensor add_bias(const Tensor& x, const Tensor& b);  // [n, c] + [c]
Tensor relu(const Tensor& x);
Tensor silu(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor cast(const Tensor& x, Dtype dtype);  // x itself where it has that dtype
// Zeroes with probability p and scales the rest by 1 / (1 - p). Element e of the tensor draws number e of the key.
Tensor dropout(const Tensor& x, double p, RandomKey key);
// The same on packed pairs [pairs, C]: the mask of an element depends on (key, protein, i, j, channel) only.
Tensor dropout(const Tensor& x, double p, RandomKey key, const Layout& layout);

// layer_norm over the last axis: gain * (x - mean) / sqrt(var + epsilon) + bias
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon = 1e-5);
// silu(layer_norm(x)) in one pass; the normalised values are not stored.
Tensor layer_norm_silu(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon = 1e-5);

// embedding: row ids[i] of weight [vocabulary, d]
Tensor embedding(const Tensor& weight, const Ids& ids);

// segment_reduce: rows offsets[s] .. offsets[s + 1] of x [n, c] -> row s; an empty segment gives 0
Tensor segment_sum(const Tensor& x, const Ids& offsets);
Tensor segment_mean(const Tensor& x, const Ids& offsets);

// spmm: A x with the graph's adjacency, held constant
Tensor spmm(const std::shared_ptr<const Graph>& graph, const Tensor& x);

// relation_conv on the residue chains of a batch: y_i = sum_r x_(i + offsets[r]) W[r] over neighbours in the same
// chain. x [residues, in], W [relations, in, out]
Tensor relation_conv(const Layout& layout, const Tensor& x, const Tensor& W, const std::vector<int>& offsets);

// gru_cell: state h [n, d] meets message m [n, d_in]. Row blocks of W_ih [3d, d_in], W_hh [3d, d], b_* [3d]: r, z, n.
// gates, when given, becomes [n, 4d]: r and z out of a sigmoid, n out of a tanh, and what r lets through.
Tensor gru_cell(const Tensor& m, const Tensor& h, const Tensor& W_ih, const Tensor& W_hh, const Tensor& b_ih,
                const Tensor& b_hh, Tensor* gates = nullptr);

// pair_init: z_ij = W_l h_i + W_r h_j + W_m (h_i * h_j) + E[bucket(i, j)] + b
// h [residues, d]; W_* [C, d]; E [64, C]; b [C] -> [pairs, C]
Tensor pair_init(const Layout& layout, const Tensor& h, const Tensor& W_l, const Tensor& W_r, const Tensor& W_m,
                 const Tensor& E, const Tensor& b);

// conv2d: a bank of filters slid over images. x [N, C, H, W], W [O, C, kh, kw], b [O] -> [N, O, H', W'] with
// H' = (H + 2 padding - kh) / stride + 1 rounded down, W' alike. b may be undefined.
Tensor conv2d(const Tensor& x, const Tensor& W, const Tensor& b, int stride = 1, int padding = 0);

// max_pool: the largest element of every size x size window inside the image, windows stride apart. x [N, C, H, W] ->
// [N, C, H', W']. NaN is larger than any number; of equal elements the first, row by row, gets the gradient.
Tensor max_pool(const Tensor& x, int size, int stride);

enum class Tie { none, transpose };
// pair_conv: dilated 3x3 convolution of the symmetric extension, upper triangle only.
// x [pairs, in]; W [out, in, 3, 3] (Tie::none) or [out, in, 6] (Tie::transpose, taps -1-1 00 11 -10 -11 01); b [out]
Tensor pair_conv(const Layout& layout, const Tensor& x, const Tensor& W, const Tensor& b, int dilation, Tie tie);

// triangle_multiplication: z_ij = sum_k a_(ik) b_(kj) / sqrt(L) per channel, over symmetric extensions. [pairs, H]
// each.
Tensor triangle_multiplication(const Layout& layout, const Tensor& a, const Tensor& b,
                               Triangle form = Triangle::oriented);

// contact_loss: masked, weighted binary cross-entropy with logits [pairs, K] of the batch; a scalar.
// Per protein the mean over valid entries, proteins averaged with weight sqrt(L).
Tensor contact_loss(const Layout& layout, const Tensor& logits, const std::shared_ptr<const ContactTargets>& targets);
// What each channel adds to that loss, for the log. Nothing is recorded.
std::vector<double> contact_loss_by_channel(const Layout& layout, const Tensor& logits, const ContactTargets& targets);

// concat: [n, p] and [n, q] side by side -> [n, p + q]
Tensor concat(const Tensor& a, const Tensor& b);

// log_softmax over the last axis
Tensor log_softmax(const Tensor& x);
// nll_loss: mean over rows of -log_p[i, labels[i]]; a scalar. log_p [n, classes]
Tensor nll_loss(const Tensor& log_p, const Ids& labels);
// cross_entropy: nll_loss(log_softmax(x), labels) in one pass
Tensor cross_entropy(const Tensor& x, const Ids& labels);

// normal_noise: independent N(0, 1); element e draws number e of the key. No gradient.
Tensor normal_noise(Shape shape, RandomKey key, Dtype dtype = Dtype::f32, Device device = Device::cpu);

}  // namespace heartbeat
