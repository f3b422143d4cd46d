#include "autograd/later.h"

#include <cstring>
#if HEARTBEAT_CUDA
#include "kernels/common/fetch.h"
#endif

namespace heartbeat {

#if HEARTBEAT_CUDA
namespace {

// Pinned memory is slow to get: what has been read is kept for the next.
std::vector<std::unique_ptr<cuda::Fetch>>& idle_fetches() {
  static auto* idle = new std::vector<std::unique_ptr<cuda::Fetch>>;
  return *idle;
}

std::shared_ptr<cuda::Fetch> fetch_for_a_scalar() {
  auto& idle = idle_fetches();
  if (idle.empty()) idle.push_back(std::make_unique<cuda::Fetch>(sizeof(double)));
  std::unique_ptr<cuda::Fetch> fetch = std::move(idle.back());
  idle.pop_back();
  return {fetch.release(), [](cuda::Fetch* f) { idle_fetches().emplace_back(f); }};
}

}  // namespace
#endif

Later::Later(const Tensor& scalar) : dtype_(scalar.dtype()) {
  expect("later", scalar.numel() == 1, "shape ", scalar.shape(), " is not a scalar");
  if (scalar.device() == Device::cpu) {
    value_ = scalar.item();
    return;
  }
#if HEARTBEAT_CUDA
  const auto fetch = fetch_for_a_scalar();
  dispatch(dtype_, [&]<class T>(Type<T>) { fetch->start(scalar.data<T>(), sizeof(T)); });
  fetch->allow_reuse();
  fetch_ = fetch;
#endif
}

double Later::get() {
#if HEARTBEAT_CUDA
  if (fetch_)
    dispatch(dtype_, [&]<class T>(Type<T>) {
      T value;
      std::memcpy(&value, static_cast<cuda::Fetch*>(fetch_.get())->get(), sizeof(T));
      value_ = value;
    });
  fetch_.reset();
#endif
  return value_;
}

}  // namespace heartbeat
