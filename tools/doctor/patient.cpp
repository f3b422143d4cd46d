#include "tools/doctor/patient.h"

#include <algorithm>

namespace heartbeat {

Pulse::Pulse(const TensorStats* s) : stats(s) {
  if (!s) return;
  std::uint64_t count = 0;
  for (const std::uint64_t b : s->bins) count += b;
  n = double(count);
  zero = double(s->bins[kZeroBin]);
  nan = double(s->bins[kNanBin]);
  infinite = double(s->bins[kPlusInfBin] + s->bins[kMinusInfBin]);
  finite = n - nan - infinite;
  if (finite == 0) return;
  mean = s->sum / finite;
  abs_mean = s->abs_sum / finite;
  rms = std::sqrt(s->sum_of_squares / finite);
  largest = std::max(std::abs(s->min), std::abs(s->max));
}

PatientTensor patient_tensor(const TensorRow& row) {
  PatientTensor t;
  t.row = row;
  for (const long d : row.shape) t.numel *= double(d);
  t.part = row.name.substr(0, row.name.find('.'));
  t.embedding = row.name.find("embedding") != std::string::npos;
  t.matrix = row.shape.size() >= 2 && !t.embedding;
  if (row.shape.size() >= 2 && row.shape[0] > 0) t.fan_in = t.numel / double(row.shape[0]);
  return t;
}

double Patient::fact(std::string_view name) const {
  const auto found = facts.find(name);
  return found == facts.end() ? NAN : found->second;
}

double Patient::scalar(std::string_view name) const {
  for (const auto& [key, value] : *scalars)
    if (key == name) return value;
  return NAN;
}

bool Patient::has_scalar(std::string_view name) const {
  return std::any_of(scalars->begin(), scalars->end(), [&](const auto& s) { return s.first == name; });
}

const Pulse& Patient::pulse(Quantity q, std::size_t tensor) const {
  static const Pulse none;
  const auto& all = pulses[int(q)];
  return tensor < all.size() ? all[tensor] : none;
}

double Patient::norm(Quantity q, std::size_t tensor) const {
  const Pulse& p = pulse(q, tensor);
  return p.n > 0 ? p.rms * std::sqrt(tensors[tensor].numel) : NAN;
}

double Patient::update_ratio(std::size_t tensor) const {
  const Pulse &value = pulse(Quantity::parameter, tensor), &update = pulse(Quantity::update, tensor);
  return value.rms > 0 && update.n > 0 && value.all_finite() && update.all_finite() ? update.rms / value.rms : NAN;
}

}  // namespace heartbeat
