// The tape: every op writes down how to send its gradient back, and backward reads the list from the end.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace heartbeat {

class Tape {
 public:
  bool recording() const { return recording_; }
  // Whether an op with this input must be recorded.
  bool wants(const Tensor& x) const {
    if (trace_) asked_.push_back(x.id());
    return recording_ && x.needs_grad();
  }

  // y: the op's result, from now on part of the graph. backward adds into the gradients of the inputs, and runs only if
  // a gradient has reached y.
  void record(const char* op, Tensor& y, std::function<void()> backward);

  // Reads the tape from the end and forgets it; activations are freed as soon as nothing needs them.
  void run_backward();
  void clear() { entries_.clear(); }
  std::size_t size() const { return entries_.size(); }

 private:
  friend class NoGrad;
  friend class TapeScope;
  friend class Trace;
  struct Entry {
    const char* op;
    Tensor y;
    std::function<void()> backward;
  };
  bool recording_ = true;
  std::vector<Entry> entries_;
  class Trace* trace_ = nullptr;
  mutable std::vector<const void*> asked_;  // tensors since the last entry, while there is a trace
};

Tape& tape();  // of this thread

// While it lives, ops compute values only.
class NoGrad {
 public:
  NoGrad() : was_(tape().recording_) { tape().recording_ = false; }
  ~NoGrad() { tape().recording_ = was_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool was_;
};

// What a forward pass puts on this thread's tape while it lives, as a list for reading: what follows what. An op asks
// the tape about what it reads before it is recorded, up to the first input that wants a gradient; that one is known.
class Trace {
 public:
  struct Op {
    const char* name;
    int from;  // the op whose result it reads, by number; -1 where that is a leaf
    Shape shape;
  };
  Trace() : outer_(std::exchange(tape().trace_, this)) { tape().asked_.clear(); }
  ~Trace() { tape().trace_ = outer_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<Op>& ops() const { return ops_; }

 private:
  friend class Tape;
  void add(const char* op, const Tensor& y, const std::vector<const void*>& read);

  Trace* outer_;
  std::vector<Op> ops_;
  std::map<const void*, int> made_;  // by the op of that number
};

// d loss / d t for every t on the tape, added into t.grad(). loss must be a scalar.
void backward(const Tensor& loss);
// The same for sum(seed * y): the vector-Jacobian product.
void backward(const Tensor& y, const Tensor& seed);

// f(x) without keeping what happens inside: backward runs f once more. f must give the same result each time, which
// dropout does, its masks being functions of a key.
Tensor recompute(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

}  // namespace heartbeat
