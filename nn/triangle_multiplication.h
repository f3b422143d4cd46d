#pragma once

#include "nn/activations.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace heartbeat::nn {

// Triangle update of pairs x [pairs, C], in H hidden channels (after Jumper et al. 2021; with each pair stored once,
// their outgoing and incoming edges are one and the same):
//
//   u = norm(x),  a = sigmoid(a_gate u) * (a u),  b = sigmoid(b_gate u) * (b u)
//   y = x + sigmoid(out_gate u) * out(product_norm(triangle_multiplication(a, b)))
//
// out starts at 0, so the update starts as the identity; gate biases start at 1, so gates start open.
struct TriangleMultiplication {
  TriangleMultiplication(int C, int H, Triangle form, Init& init)
      : form(form),
        norm(C, init),
        a(C, H, init),
        a_gate(C, H, init),
        b(C, H, init),
        b_gate(C, H, init),
        product_norm(H, init),
        out_gate(C, C, init),
        out(H, C, init) {
    for (Linear* gate : {&a_gate, &b_gate, &out_gate}) gate->b = init.ones(gate->b.shape());
    out.W = init.zeros(out.W.shape());
    out.b = init.zeros(out.b.shape());
  }

  Tensor operator()(const Layout& layout, const Tensor& x) const {
    const Tensor u = norm(x);
    const Tensor left = mul(leaving_sigmoid("triangles.a_gate", a_gate(u)), a(u)),
                 right = mul(leaving_sigmoid("triangles.b_gate", b_gate(u)), b(u));
    const Tensor z = product_norm(triangle_multiplication(layout, left, right, form));
    return add(x, mul(leaving_sigmoid("triangles.out_gate", out_gate(u)), out(z)));
  }
  Parameters parameters() const {
    return prefixed({{"norm", norm.parameters()},
                     {"a", a.parameters()},
                     {"a_gate", a_gate.parameters()},
                     {"b", b.parameters()},
                     {"b_gate", b_gate.parameters()},
                     {"product_norm", product_norm.parameters()},
                     {"out_gate", out_gate.parameters()},
                     {"out", out.parameters()}});
  }

  Triangle form;
  LayerNorm norm;
  Linear a, a_gate, b, b_gate;
  LayerNorm product_norm;
  Linear out_gate, out;
};

}  // namespace heartbeat::nn
