#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kernels/adamw/adamw.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/common/error.h"
#include "kernels/sgd/sgd.h"

namespace heartbeat::nn {
namespace {

std::string module_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

void copy_values(const Tensor& from, const Tensor& to) {
  dispatch(to.device(), to.dtype(),
           [&]<class T>(auto, Type<T>) { std::copy_n(from.data<T>(), from.numel(), to.data<T>()); });
}

// The norm of all gradients, from what the watch saw of them.
double norm_of(const std::vector<TensorStats>& gradients) {
  double squares = 0;
  bool nan = false, infinite = false;
  for (const TensorStats& s : gradients) {
    squares += s.sum_of_squares;
    nan = nan || s.bins[kNanBin];
    infinite = infinite || s.bins[kPlusInfBin] || s.bins[kMinusInfBin];
  }
  return nan ? NAN : infinite ? INFINITY : std::sqrt(squares);
}

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, std::vector<std::string> parts)
    : options_(options), parts_(std::move(parts)) {
  std::map<const void*, size_t> known;
  std::vector<long> sizes;
  for (const auto& [name, tensor] : parameters) {
    if (const auto [found, fresh] = known.try_emplace(tensor.id(), entries_.size()); !fresh) {
      info_[found->second].aliases.push_back(name);
      continue;
    }
    if (entries_.empty()) dtype_ = tensor.dtype();
    expect("optimizer", tensor.dtype() == dtype_, name, " is ", name_of(tensor.dtype()), ", but ",
           info_.empty() ? name : info_[0].name, " is ", name_of(dtype_));
    const bool decays = options.weight_decay != 0 && tensor.shape().size() >= 2 && !matches_any(options.no_decay, name);
    Entry entry{tensor, {}, Tensor::zeros({}, Dtype::f64), decays ? options.weight_decay : 0};
    for (size_t k = 0; k < parts_.size(); ++k) entry.state.push_back(Tensor::zeros(tensor.shape(), dtype_));
    entries_.push_back(std::move(entry));
    info_.push_back({name, {}, tensor.shape(), dtype_, module_of(name), decays ? "decay" : "no_decay"});
    sizes.push_back(tensor.numel());
  }
  table_ = ChunkTable(sizes);
}

void Optimizer::watch(const WatchOptions& options) {
  expect("watch", options.every >= 1, "every ", options.every, " steps is not possible; use 1 or more");
  watch_ = options;
  for (WatchedTensor& t : info_) t.watched = matches_any(options.filter, t.name);
}

Optimizer::Report Optimizer::step(double lr, WatchFrame* frame) {
  for (size_t t = 0; t < entries_.size(); ++t) info_[t].trainable = entries_[t].value.needs_grad();

  const bool due = frame && steps_ % watch_.every == 0 && watch_.level != WatchLevel::none;
  const bool norm_first = options_.max_norm > 0 || options_.skip_non_finite;  // before anything is changed
  // A watch of all gradients gives their norm for nothing.
  const bool norm_from_watch =
      due && !norm_first && std::all_of(info_.begin(), info_.end(), [](const WatchedTensor& t) { return t.watched; });

  Report report;
  if (norm_first || (frame && !norm_from_watch))
    dispatch(Device::cpu, dtype_, [&]<class T>(auto device, Type<T>) {
      std::vector<const T*> gradients;
      for (size_t t = 0; t < entries_.size(); ++t) gradients.push_back(gradient_of<T>(t));
      const auto clip = kernels::clip_norm<T>(device, table_, gradients, options_.max_norm);
      report = {clip.norm, clip.factor, options_.skip_non_finite && !std::isfinite(clip.norm)};
    });

  Watch watch;
  if (frame) {
    const bool all = watch_.level == WatchLevel::all;
    const auto take = [&](bool wanted, std::vector<TensorStats>& stats) {
      stats.assign(due && wanted ? entries_.size() : 0, {});
      return std::span(stats);
    };
    watch = {take(all, frame->parameter), take(true, frame->gradient), take(all, frame->update),
             take(report.clip_factor < 1, frame->clipped)};
    frame->step = steps_;
    frame->clip_factor = report.clip_factor;
    frame->lr = lr;
    frame->skipped = report.skipped;
  }
  if (!report.skipped)
    for (const Entry& e : entries_)
      if (e.value.needs_grad() && e.value.has_grad()) *e.step.data<double>() += 1;
  update(lr, {report.clip_factor, report.skipped, options_.zero_gradients}, watch);
  if (norm_from_watch) report.global_norm = norm_of(frame->gradient);
  if (frame) frame->global_norm = report.global_norm;
  ++steps_;
  return report;
}

void Optimizer::zero_grad() {
  for (Entry& e : entries_) e.value.clear_grad();
}

Parameters Optimizer::state() const {
  Parameters out = {{"optimizer.step", Tensor::full({}, double(steps_), Dtype::f64)}};
  for (size_t t = 0; t < entries_.size(); ++t) {
    const std::string prefix = "optimizer." + info_[t].name + ".";
    for (size_t k = 0; k < parts_.size(); ++k) out.push_back({prefix + parts_[k], entries_[t].state[k]});
    out.push_back({prefix + "step", entries_[t].step});
  }
  return out;
}

void Optimizer::load_state(const Parameters& state) {
  std::map<std::string, Tensor> given;
  for (const auto& [name, tensor] : state) given[name] = tensor;
  const Parameters mine = this->state();
  for (const auto& [name, tensor] : mine) {
    const auto found = given.find(name);
    if (found == given.end())
      throw UserError("the checkpoint has no '" + name + "': resume with the optimizer and model it was saved with");
    const Tensor& from = found->second;
    if (from.shape() != tensor.shape() || from.dtype() != tensor.dtype())
      throw UserError("'" + name + "' of the checkpoint is " + name_of(from.dtype()) + " " + to_string(from.shape()) +
                      ", but the optimizer has " + name_of(tensor.dtype()) + " " + to_string(tensor.shape()) +
                      ": resume with the model it was saved with");
  }
  for (const auto& [name, tensor] : mine) copy_values(given[name], tensor);
  steps_ = long(given["optimizer.step"].item());
}

Sgd::Sgd(const Parameters& parameters, const OptimizerOptions& options, const SgdOptions& sgd)
    : Optimizer(parameters, options,
                sgd.momentum != 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{}),
      sgd_(sgd) {}

void Sgd::update(double lr, const StepOptions& options, const Watch& watch) {
  dispatch(Device::cpu, dtype_, [&]<class T>(auto device, Type<T>) {
    std::vector<kernels::SgdTensor<T>> tensors;
    for (size_t t = 0; t < entries_.size(); ++t) {
      const Entry& e = entries_[t];
      T* momentum = e.state.empty() ? nullptr : e.state[0].template data<T>();
      tensors.push_back({e.value.data<T>(), gradient_of<T>(t), momentum, e.weight_decay, info_[t].watched});
    }
    kernels::sgd<T>(device, table_, tensors, {lr, sgd_.momentum, sgd_.nesterov}, options, watch);
  });
}

AdamW::AdamW(const Parameters& parameters, const OptimizerOptions& options, const AdamWOptions& adamw)
    : Optimizer(parameters, options, {"exp_avg", "exp_avg_sq"}), adamw_(adamw) {}

void AdamW::update(double lr, const StepOptions& options, const Watch& watch) {
  dispatch(Device::cpu, dtype_, [&]<class T>(auto device, Type<T>) {
    std::vector<kernels::AdamwTensor<T>> tensors;
    for (size_t t = 0; t < entries_.size(); ++t) {
      const Entry& e = entries_[t];
      tensors.push_back({e.value.data<T>(), gradient_of<T>(t), e.state[0].template data<T>(),
                         e.state[1].template data<T>(), e.weight_decay, std::max(1L, long(e.step.item())),
                         info_[t].watched});
    }
    const kernels::AdamwRule rule{lr, adamw_.beta1, adamw_.beta2, adamw_.epsilon, adamw_.decoupled};
    kernels::adamw<T>(device, table_, tensors, rule, options, watch);
  });
}

}  // namespace heartbeat::nn
