#include "autograd/tape.h"

#include <cstring>
#include <utility>

namespace heartbeat {

Tape& tape() {
  thread_local Tape t;
  return t;
}

// A fresh tape for as long as it lives; the outer one comes back after it.
class TapeScope {
 public:
  TapeScope() : outer_(std::exchange(tape(), Tape{})) {}
  ~TapeScope() { tape() = std::move(outer_); }

 private:
  Tape outer_;
};

void Tape::record(const char* op, Tensor& y, std::function<void()> backward) {
  y.set_needs_grad(true);
  entries_.push_back({op, y, std::move(backward)});
}

void Tape::run_backward() {
  while (!entries_.empty()) {
    const Entry entry = std::move(entries_.back());
    entries_.pop_back();
    if (entry.y.has_grad()) entry.backward();
  }
}

void backward(const Tensor& y, const Tensor& seed) {
  expect("backward", y.shape() == seed.shape(), "the result is ", y.shape(), ", but the seed is ", seed.shape());
  expect("backward", y.needs_grad(), "nothing that leads to this result needs a gradient");
  dispatch(y.device(), y.dtype(), [&]<class T>(auto, Type<T>) {
    T* to = y.grad<T>().data;
    const T* from = seed.data<T>();
    for (long k = 0; k < y.numel(); ++k) to[k] += from[k];
  });
  tape().run_backward();
}

void backward(const Tensor& loss) {
  expect("backward", loss.numel() == 1, "the loss is ", loss.shape(), ", not a scalar; give a seed");
  backward(loss, Tensor::full(loss.shape(), 1, loss.dtype(), loss.device()));
}

Tensor recompute(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  Tensor y = [&] {
    const NoGrad no_grad;
    return f(x).detach();
  }();
  if (tape().recording()) {
    // Parameters inside f want gradients even where x does not.
    tape().record("recompute", y, [f, x, y] {
      const TapeScope scope;
      Tensor inner = x.detach();
      inner.set_needs_grad(x.needs_grad());
      const Tensor again = f(inner);
      if (!again.needs_grad()) return;
      dispatch(y.device(), y.dtype(), [&]<class T>(auto, Type<T>) {
        Tensor seed(y.shape(), y.dtype(), y.device());
        std::memcpy(seed.data<T>(), y.grad<T>().data, y.numel() * sizeof(T));
        backward(again, seed);
        if (!x.needs_grad() || !inner.has_grad()) return;
        T* to = x.grad<T>().data;
        const T* from = inner.grad<T>().data;
        for (long k = 0; k < x.numel(); ++k) to[k] += from[k];
      });
    });
  }
  return y;
}

}  // namespace heartbeat
