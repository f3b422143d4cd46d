// A dense, row-major, contiguous tensor with an optional gradient. Copies share storage.
#pragma once

#include <initializer_list>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/common/base.h"

namespace heartbeat {

using Shape = std::vector<long>;
std::string to_string(const Shape& shape);  // "[4, 32]"

// Bytes held by tensors of this process.
struct MemoryReport {
  std::size_t live = 0, peak = 0;
};
MemoryReport memory_report();
void reset_peak_memory();

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

  double at(long index) const;       // element of the flattened tensor
  double grad_at(long index) const;  // 0 where no gradient has arrived
  double item() const;               // the one element of a scalar
  std::vector<double> to_vector() const;

  const void* id() const { return state_.get(); }  // equal for tensors that share gradient and storage

 private:
  struct Buffer;
  struct State {
    Dtype dtype;
    Device device;
    bool needs_grad = false;
    long numel = 0;
    std::shared_ptr<Buffer> value, grad;
  };
  struct Buffer {
    explicit Buffer(std::size_t bytes);
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    std::byte* data() const { return data_; }
    std::byte* data_;
    std::size_t bytes_;
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

// The one place where a run-time device and dtype become types: f(Cpu{}, Type<float>{}).
template <class F>
void dispatch(Device, Dtype dtype, F f) {
  if (dtype == Dtype::f32)
    f(Cpu{}, Type<float>{});
  else
    f(Cpu{}, Type<double>{});
}

}  // namespace heartbeat
