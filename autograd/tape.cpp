#include "autograd/tape.h"

#include <utility>

#include "kernels/elementwise/elementwise.h"

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
  if (trace_) trace_->add(op, y, std::exchange(asked_, {}));
  entries_.push_back({op, y, std::move(backward)});
}

void Trace::add(const char* op, const Tensor& y, const std::vector<const void*>& read) {
  int from = -1;
  for (const void* id : read)
    if (const auto made = made_.find(id); made != made_.end()) from = made->second;
  made_[y.id()] = int(ops_.size());
  ops_.push_back({op, from, y.shape()});
}

void Tape::run_backward() {
  while (!entries_.empty()) {
    const Entry entry = std::move(entries_.back());
    entries_.pop_back();
    if (entry.y.has_grad()) entry.backward();
  }
}

namespace {

void add_to_gradient(const Tensor& x, const Tensor& by) {
  dispatch(x.device(), x.dtype(),
           [&]<class T>(auto device, Type<T>) { kernels::scale_accumulate<T>(device, 1, by.value<T>(), x.grad<T>()); });
}

}  // namespace

void backward(const Tensor& y, const Tensor& seed) {
  expect("backward", y.shape() == seed.shape(), "the result is ", y.shape(), ", but the seed is ", seed.shape());
  expect("backward", y.needs_grad(), "nothing that leads to this result needs a gradient");
  expect_one_device("backward", y, seed);
  add_to_gradient(y, seed);
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
      backward(again, y.gradient());
      if (x.needs_grad() && inner.has_grad()) add_to_gradient(x, inner.gradient());
    });
  }
  return y;
}

}  // namespace heartbeat
