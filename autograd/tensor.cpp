#include "autograd/tensor.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>

namespace heartbeat {
namespace {

std::atomic<std::size_t> live_bytes{0}, peak_bytes{0};

// Activations of a step are freed and asked for again at once: giving their pages back in between costs more than the
// step's pointwise work.
[[maybe_unused]] const bool keep_pages = [] {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  return true;
}();

long product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1L, std::multiplies<>());
}

}  // namespace

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t k = 0; k < shape.size(); ++k) out += (k ? ", " : "") + std::to_string(shape[k]);
  return out + "]";
}

MemoryReport memory_report() {
  return {live_bytes.load(), peak_bytes.load()};
}
void reset_peak_memory() {
  peak_bytes = live_bytes.load();
}

Tensor::Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  constexpr std::size_t kAlign = 64;  // one cache line, and the widest vector
  data_ = static_cast<std::byte*>(std::aligned_alloc(kAlign, std::max(kAlign, (bytes + kAlign - 1) / kAlign * kAlign)));
  if (!data_) throw std::bad_alloc();
  const std::size_t live = live_bytes += bytes;
  for (std::size_t peak = peak_bytes; live > peak && !peak_bytes.compare_exchange_weak(peak, live);) {
  }
}

Tensor::Buffer::~Buffer() {
  live_bytes -= bytes_;
  std::free(data_);
}

Tensor::Tensor(Shape shape, Dtype dtype, Device device, bool needs_grad) : shape_(std::move(shape)) {
  for (long d : shape_) expect("tensor", d >= 0, "shape ", shape_, " has a negative size");
  state_ = std::make_shared<State>(State{dtype, device, needs_grad, product(shape_), nullptr, nullptr});
  state_->value = std::make_shared<Buffer>(state_->numel * size_of(dtype));
}

Tensor Tensor::full(Shape shape, double value, Dtype dtype, Device device) {
  Tensor t(std::move(shape), dtype, device);
  dispatch(device, dtype, [&]<class T>(auto, Type<T>) { std::fill_n(t.data<T>(), t.numel(), T(value)); });
  return t;
}

Tensor Tensor::zeros(Shape shape, Dtype dtype, Device device) {
  return full(std::move(shape), 0, dtype, device);
}

Tensor Tensor::from(Shape shape, const std::vector<double>& values, Dtype dtype, Device device) {
  Tensor t(std::move(shape), dtype, device);
  expect("tensor", t.numel() == long(values.size()), "shape ", t.shape(), " does not hold ", values.size(), " values");
  dispatch(device, dtype, [&]<class T>(auto, Type<T>) { std::copy(values.begin(), values.end(), t.data<T>()); });
  return t;
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
  Tensor t(shape_, dtype(), device());
  std::memcpy(t.state_->value->data(), state_->value->data(), numel() * size_of(dtype()));
  return t;
}

void* Tensor::grad_data() const {
  if (!state_->grad) {
    state_->grad = std::make_shared<Buffer>(state_->numel * size_of(state_->dtype));
    std::memset(state_->grad->data(), 0, state_->grad->bytes_);
  }
  return state_->grad->data();
}

void Tensor::check_dtype(Dtype asked) const {
  if (asked != dtype())
    throw std::logic_error(std::string("tensor of ") + name_of(dtype()) + " was read as " + name_of(asked));
}

double Tensor::at(long index) const {
  double value = 0;
  dispatch(device(), dtype(), [&]<class T>(auto, Type<T>) { value = data<T>()[index]; });
  return value;
}

double Tensor::grad_at(long index) const {
  if (!has_grad()) return 0;
  double value = 0;
  dispatch(device(), dtype(), [&]<class T>(auto, Type<T>) { value = grad<T>().data[index]; });
  return value;
}

double Tensor::item() const {
  expect("item", numel() == 1, "shape ", shape_, " is not a scalar");
  return at(0);
}

std::vector<double> Tensor::to_vector() const {
  std::vector<double> out(numel());
  for (long k = 0; k < numel(); ++k) out[k] = at(k);
  return out;
}

}  // namespace heartbeat
