// A dense, row-major, contiguous tensor with an optional gradient, on the CPU or on a GPU. Copies share storage.
#pragma once

#include <initializer_list>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "autograd/storage.h"
#include "kernels/common/base.h"
#if HEARTBEAT_CUDA
#include "kernels/common/device.h"
#endif

namespace heartbeat {

using Shape = std::vector<long>;
std::string to_string(const Shape& shape);  // "[4, 32]"

class Tensor {
 public:
  Tensor() = default;  // no tensor: defined() is false
  // Elements start uninitialised; see zeros, full and from.
  explicit Tensor(Shape shape, Dtype dtype = Dtype::f32, Device device = Device::cpu, bool needs_grad = false);

  static Tensor zeros(Shape shape, Dtype dtype = Dtype::f32, Device device = Device::cpu);
  static Tensor full(Shape shape, double value, Dtype dtype = Dtype::f32, Device device = Device::cpu);
  static Tensor from(Shape shape, const std::vector<double>& values, Dtype dtype = Dtype::f32,
                     Device device = Device::cpu);

  bool defined() const { return state_ != nullptr; }
  const Shape& shape() const { return shape_; }
  long dim(int axis) const { return shape_.at(axis < 0 ? shape_.size() + axis : axis); }
  long numel() const;
  // As a matrix: the last axis is the column, all others are rows. A vector is one row.
  long cols() const { return shape_.empty() ? 1 : shape_.back(); }
  long rows() const;
  Dtype dtype() const { return state_->dtype; }
  Device device() const { return state_->device; }

  bool needs_grad() const { return state_ && state_->needs_grad; }
  void set_needs_grad(bool on) { state_->needs_grad = on; }
  bool has_grad() const { return state_->grad != nullptr; }
  void clear_grad() { state_->grad.reset(); }

  // Pointers and views are into the memory of the device: those of a GPU are for kernels, and the host may not follow
  // them.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>);
    return reinterpret_cast<T*>(state_->value->data());
  }
  template <class T>
  Matrix<T> value() const {
    return {data<T>(), rows(), cols()};
  }
  // The gradient of the loss in this tensor; zeros come into being at the first call. Add into it.
  template <class T>
  Matrix<T> grad() const {
    check_dtype(dtype_of<T>);
    return {static_cast<T*>(grad_data()), rows(), cols()};
  }

  // Same elements, other shape; storage and gradient are shared.
  Tensor reshape(Shape shape) const;
  // Same storage, cut off from the tape: no gradient flows through the result.
  Tensor detach() const;
  Tensor copy() const;  // new storage, no gradient
  // The tensor itself where it is there already, else a copy without gradient.
  Tensor to(Device device, Place place = Place::current()) const;
  // The gradient as a tensor that shares its storage; zeros come into being at the first call.
  Tensor gradient() const;
  // Takes over the values of a tensor of equal size, of any device, rounded once to this dtype.
  void assign(const Tensor& from) const;

  // What follows waits for a GPU, and so does to(Device::cpu); place says who, see cuda::ForbidWaits.
  double at(long index, Place place = Place::current()) const;       // element of the flattened tensor
  double grad_at(long index, Place place = Place::current()) const;  // 0 where no gradient has arrived
  double item(Place place = Place::current()) const;                 // the one element of a scalar
  std::vector<double> to_vector(Place place = Place::current()) const;

  const void* id() const { return state_.get(); }  // equal for tensors that share gradient and storage

 private:
  struct State {
    Dtype dtype;
    Device device;
    bool needs_grad = false;
    long numel = 0;
    std::shared_ptr<Storage> value, grad;
  };

  void* grad_data() const;
  void check_dtype(Dtype asked) const;

  std::shared_ptr<State> state_;
  Shape shape_;
};

namespace detail {
template <class P>
void write(std::ostream& out, const P& part) {
  if constexpr (std::is_same_v<P, Shape>)
    out << to_string(part);
  else
    out << part;
}
}  // namespace detail

// Throws std::invalid_argument with "op: parts..." unless the condition holds.
template <class... Parts>
void expect(const char* op, bool condition, const Parts&... parts) {
  if (condition) return;
  std::ostringstream out;
  out << op << ": ";
  (detail::write(out, parts), ...);
  throw std::invalid_argument(out.str());
}
template <class T>
struct Type {
  using type = T;
};

// Throws std::invalid_argument unless all tensors are on the device of the first; those that are undefined do not
// count.
template <class... More>
void expect_one_device(const char* op, const Tensor& first, const More&... more) {
  for (const Tensor& t : {more...})
    expect(op, !t.defined() || t.device() == first.device(), "one tensor is on the ", name_of(first.device()),
           " and another on the ", name_of(t.defined() ? t.device() : first.device()));
}

// Parameters beside activations x: of the type that kernels compute in, which is f32 where x is stored as bf16. Those
// that are undefined do not count.
template <class... More>
void expect_parameters(const char* op, const Tensor& x, const More&... parameters) {
  for (const Tensor& p : {parameters...})
    expect(op, !p.defined() || p.dtype() == acc_of(x.dtype()), "activations are ", name_of(x.dtype()),
           ", but a parameter is ", name_of(p.defined() ? p.dtype() : x.dtype()), ", not ", name_of(acc_of(x.dtype())));
}

// Where a run-time device and dtype become types: f(Cpu{}, Type<float>{}), or f(Cuda, ...) with the stream that
// computes. dispatch_wide is for ops whose kernels store nothing as bf16: it refuses, in the op's name.
template <class F>
void dispatch_wide(const char* op, [[maybe_unused]] Device device, Dtype dtype, F f) {
  expect(op, dtype != Dtype::bf16,
         "bf16 is stored by the ops of the contact model only, and this is none of them; cast "
         "to f32 first");
  const auto on = [&](auto tag) {
    if (dtype == Dtype::f32)
      f(tag, Type<float>{});
    else
      f(tag, Type<double>{});
  };
#if HEARTBEAT_CUDA
  if (device == Device::cuda) return on(cuda::compute_stream());
#endif
  on(Cpu{});
}
template <class F>
void dispatch([[maybe_unused]] Device device, Dtype dtype, F f) {
  if (dtype != Dtype::bf16) return dispatch_wide("", device, dtype, f);
#if HEARTBEAT_CUDA
  if (device == Device::cuda) return f(cuda::compute_stream(), Type<bf16>{});
#endif
  f(Cpu{}, Type<bf16>{});
}

// The same for loops that are not in a kernel: f(Type<float>{}).
template <class F>
void dispatch(Dtype dtype, F f) {
  if (dtype == Dtype::bf16)
    f(Type<bf16>{});
  else if (dtype == Dtype::f32)
    f(Type<float>{});
  else
    f(Type<double>{});
}

}  // namespace heartbeat
