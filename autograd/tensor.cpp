#include "autograd/tensor.h"

#include <algorithm>
#include <numeric>

namespace heartbeat {
namespace {

long product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1L, std::multiplies<>());
}

}  // namespace

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t k = 0; k < shape.size(); ++k) out += (k ? ", " : "") + std::to_string(shape[k]);
  return out + "]";
}

Tensor::Tensor(Shape shape, Dtype dtype, Device device, bool needs_grad) : shape_(std::move(shape)) {
  for (long d : shape_) expect("tensor", d >= 0, "shape ", shape_, " has a negative size");
  state_ = std::make_shared<State>(State{dtype, device, needs_grad, product(shape_), nullptr, nullptr});
  state_->value = std::make_shared<Storage>(device, state_->numel * size_of(dtype));
}

Tensor Tensor::full(Shape shape, double value, Dtype dtype, Device device) {
  const Tensor t(std::move(shape), dtype);
  dispatch(dtype, [&]<class T>(Type<T>) { std::fill_n(t.data<T>(), t.numel(), T(value)); });
  return t.to(device);
}

Tensor Tensor::zeros(Shape shape, Dtype dtype, Device device) {
  const Tensor t(std::move(shape), dtype, device);
  t.state_->value->clear();
  return t;
}

Tensor Tensor::from(Shape shape, const std::vector<double>& values, Dtype dtype, Device device) {
  const Tensor t(std::move(shape), dtype);
  expect("tensor", t.numel() == long(values.size()), "shape ", t.shape(), " does not hold ", values.size(), " values");
  dispatch(dtype, [&]<class T>(Type<T>) {
    std::transform(values.begin(), values.end(), t.data<T>(), [](double x) { return T(x); });
  });
  return t.to(device);
}

long Tensor::numel() const {
  return product(shape_);
}
long Tensor::rows() const {
  return shape_.size() < 2 ? 1 : product({shape_.begin(), shape_.end() - 1});
}

Tensor Tensor::reshape(Shape shape) const {
  expect("reshape", product(shape) == numel(), shape_, " does not fit into ", shape);
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

Tensor Tensor::detach() const {
  Tensor t;
  t.shape_ = shape_;
  t.state_ = std::make_shared<State>(State{dtype(), device(), false, numel(), state_->value, nullptr});
  return t;
}

Tensor Tensor::copy() const {
  const Tensor t(shape_, dtype(), device());
  t.state_->value->assign(*state_->value);
  return t;
}

Tensor Tensor::to(Device device, Place place) const {
  if (device == this->device()) return *this;
  const Tensor t(shape_, dtype(), device);
  t.state_->value->assign(*state_->value, place);
  return t;
}

Tensor Tensor::gradient() const {
  grad_data();
  Tensor t;
  t.shape_ = shape_;
  t.state_ = std::make_shared<State>(State{dtype(), device(), false, numel(), state_->grad, nullptr});
  return t;
}

void Tensor::assign(const Tensor& from) const {
  expect("assign", numel() == from.numel(), "the tensor is ", shape_, ", but the values are ", from.shape());
  if (dtype() == from.dtype()) return state_->value->assign(*from.state_->value);
  const Tensor source = from.to(Device::cpu), rounded(shape_, dtype());
  dispatch(dtype(), [&]<class T>(Type<T>) {
    dispatch(from.dtype(), [&]<class F>(Type<F>) {
      std::transform(source.data<F>(), source.data<F>() + numel(), rounded.data<T>(), [](F x) { return T(x); });
    });
  });
  state_->value->assign(*rounded.state_->value);
}

void* Tensor::grad_data() const {
  if (!state_->grad) {
    state_->grad = std::make_shared<Storage>(device(), state_->numel * size_of(state_->dtype));
    state_->grad->clear();
  }
  return state_->grad->data();
}

void Tensor::check_dtype(Dtype asked) const {
  if (asked != dtype())
    throw std::logic_error(std::string("tensor of ") + name_of(dtype()) + " was read as " + name_of(asked));
}

double Tensor::at(long index, Place place) const {
  double value = 0;
  dispatch(dtype(), [&]<class T>(Type<T>) {
    T element;
    state_->value->read(index * sizeof(T), sizeof(T), &element, place);
    value = element;
  });
  return value;
}

double Tensor::grad_at(long index, Place place) const {
  return has_grad() ? gradient().at(index, place) : 0;
}

double Tensor::item(Place place) const {
  expect("item", numel() == 1, "shape ", shape_, " is not a scalar");
  return at(0, place);
}

std::vector<double> Tensor::to_vector(Place place) const {
  const Tensor host = to(Device::cpu, place);
  std::vector<double> out;
  dispatch(dtype(), [&]<class T>(Type<T>) { out.assign(host.data<T>(), host.data<T>() + numel()); });
  return out;
}

}  // namespace heartbeat
