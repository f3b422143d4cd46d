// Lets a program see what leaves the layers of a network during a forward pass.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "autograd/ops.h"

namespace heartbeat::nn {

enum class Squash { sigmoid, tanh };

class ActivationListener {
 public:
  virtual ~ActivationListener() = default;
  virtual void left(const std::string& layer, const Tensor& x) = 0;
  // y came out of a sigmoid, or out of a tanh.
  virtual void squashed(const std::string& layer, const Tensor& y, Squash by) = 0;
  // States x [residues, d] of the nodes of a batch of chain graphs.
  virtual void nodes(const std::string& layer, const Tensor& x, const Layout& layout) = 0;
};

// Of this thread; null where nobody listens.
inline thread_local ActivationListener* activation_listener = nullptr;

// x, after the listener has seen it.
inline Tensor leaving(const char* layer, Tensor x) {
  if (activation_listener) activation_listener->left(layer, x);
  return x;
}

// sigmoid(x), after the listener has seen it.
inline Tensor leaving_sigmoid(const char* layer, const Tensor& x) {
  Tensor y = sigmoid(x);
  if (activation_listener) activation_listener->squashed(layer, y, Squash::sigmoid);
  return y;
}

// The gates of a gru_cell, where somebody listens: r and z of [n, 4d] are one layer, n is another.
inline void leaving_gates(const std::string& layer, const Tensor& gates) {
  if (!activation_listener || !gates.defined() || gates.device() != Device::cpu) return;
  const long n = gates.rows(), d = gates.cols() / 4;
  const auto part = [&](long first, long width) {
    Tensor y({n, width}, gates.dtype());
    dispatch(gates.dtype(), [&]<class T>(Type<T>) {
      for (long i = 0; i < n; ++i) std::copy_n(gates.data<T>() + i * 4 * d + first, width, y.data<T>() + i * width);
    });
    return y;
  };
  activation_listener->squashed(layer + ".reset_update", part(0, 2 * d), Squash::sigmoid);
  activation_listener->squashed(layer + ".candidate", part(2 * d, d), Squash::tanh);
}

// x, after the listener has seen it as states of nodes.
inline Tensor leaving_nodes(const std::string& layer, Tensor x, const Layout& layout) {
  if (activation_listener) activation_listener->nodes(layer, x, layout);
  return x;
}

}  // namespace heartbeat::nn
