#include "tools/train/probe.h"

#include <algorithm>
#include <cmath>

#include "autograd/tape.h"

namespace heartbeat {
namespace {

double value_of(const std::function<Tensor()>& loss) {
  const NoGrad no_grad;
  return loss().item();
}

void drop_gradients(const nn::Parameters& parameters) {
  for (const auto& [name, tensor] : parameters) Tensor(tensor).clear_grad();
}

// Copies of all gradients, on the CPU; undefined where none has arrived.
std::vector<Tensor> gradients_of(const nn::Parameters& parameters) {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : parameters)
    all.push_back(tensor.has_grad() ? tensor.gradient().copy().to(Device::cpu) : Tensor());
  return all;
}

// f(a, b) summed over all elements that both lists have.
template <class F>
double sum_over(const std::vector<Tensor>& a, const std::vector<Tensor>& b, F f) {
  double sum = 0;
  for (std::size_t t = 0; t < a.size(); ++t) {
    if (!a[t].defined() || !b[t].defined()) continue;
    dispatch(a[t].dtype(), [&]<class T>(Type<T>) {
      for (long e = 0; e < a[t].numel(); ++e) sum += f(double(a[t].data<T>()[e]), double(b[t].data<T>()[e]));
    });
  }
  return sum;
}

}  // namespace

void Probe::before(RunLog& log, long step) {
  const double loss = value_of(batch_.loss);
  if (!std::isfinite(loss)) return;
  log.scalar(step, "probe/blank_gain", value_of(batch_.blank_loss) / loss - 1);
  if (batch_.others) {
    const NoGrad no_grad;
    const std::vector<double> as_is = batch_.others(false).to_vector(), changed = batch_.others(true).to_vector();
    double largest = 0, leak = 0;
    for (std::size_t e = 0; e < as_is.size(); ++e) {
      largest = std::max(largest, std::abs(as_is[e]));
      leak = std::max(leak, std::abs(as_is[e] - changed[e]));
    }
    if (largest > 0) log.scalar(step, "probe/leak", leak / largest);
  }
  if (batch_.half_losses.size() != 2) return;
  double halves = 0;
  std::vector<Tensor> gradients[2];
  for (int k = 0; k < 2; ++k) {
    drop_gradients(batch_.parameters);
    const Tensor half = batch_.half_losses[std::size_t(k)]();
    halves += half.item() / 2;
    backward(half);
    gradients[k] = gradients_of(batch_.parameters);
  }
  drop_gradients(batch_.parameters);
  log.scalar(step, "probe/loss_ratio", loss / halves);
  log.scalar(step, "probe/signal", sum_over(gradients[0], gradients[1], [](double a, double b) { return a * b; }));
  log.scalar(step, "probe/noise",
             sum_over(gradients[0], gradients[1], [](double a, double b) { return (a - b) * (a - b) / 4; }));
}

void Probe::keep(double loss) {
  loss_ = loss;
  gradients_ = gradients_of(batch_.parameters);
  values_.clear();
  for (const auto& [name, tensor] : batch_.parameters) values_.push_back(tensor.detach().copy().to(Device::cpu));
}

void Probe::after(RunLog& log, long step) {
  constexpr double kLeast = 1e-4;  // a smaller change of the loss is lost in the rounding of its f32 sums
  std::vector<Tensor> moved;
  for (const auto& [name, tensor] : batch_.parameters) moved.push_back(tensor.detach().to(Device::cpu));
  double slope = 0;
  for (std::size_t t = 0; t < moved.size(); ++t) {
    if (!gradients_[t].defined()) continue;
    dispatch(moved[t].dtype(), [&]<class T>(Type<T>) {
      for (long e = 0; e < moved[t].numel(); ++e)
        slope += double(gradients_[t].data<T>()[e]) * (double(moved[t].data<T>()[e]) - double(values_[t].data<T>()[e]));
    });
  }
  if (!(slope < -kLeast * std::abs(loss_))) return;  // not downhill for this batch, or too little to tell
  const double after = value_of(batch_.loss);
  if (std::isfinite(after)) log.scalar(step, "probe/alpha", 1 - 2 * (loss_ - after) / -slope);
}

}  // namespace heartbeat
