#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kernels/adamw/adamw.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/common/error.h"
#include "kernels/sgd/sgd.h"
#if HEARTBEAT_CUDA
#include "nn/frame_ring.h"
#endif

namespace heartbeat::nn {
#if !HEARTBEAT_CUDA
class FrameRing {};
#endif
namespace {

std::string module_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
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
    if (entries_.empty()) dtype_ = tensor.dtype(), device_ = tensor.device();
    expect("optimizer", tensor.dtype() == dtype_, name, " is ", name_of(tensor.dtype()), ", but ",
           info_.empty() ? name : info_[0].name, " is ", name_of(dtype_));
    expect("optimizer", tensor.device() == device_, name, " is on the ", name_of(tensor.device()), ", but ",
           info_.empty() ? name : info_[0].name, " is on the ", name_of(device_));
    const bool decays = options.weight_decay != 0 && tensor.shape().size() >= 2 && !matches_any(options.no_decay, name);
    Entry entry{tensor, {}, Tensor::zeros({}, Dtype::f64), decays ? options.weight_decay : 0};
    for (size_t k = 0; k < parts_.size(); ++k) entry.state.push_back(Tensor::zeros(tensor.shape(), dtype_, device_));
    entries_.push_back(std::move(entry));
    info_.push_back({name, {}, tensor.shape(), dtype_, module_of(name), decays ? "decay" : "no_decay"});
    sizes.push_back(tensor.numel());
  }
  table_ = ChunkTable(sizes);
}

Optimizer::~Optimizer() = default;

void Optimizer::watch(const WatchOptions& options) {
  expect("watch", options.every >= 1, "every ", options.every, " steps is not possible; use 1 or more");
  watch_ = options;
  for (WatchedTensor& t : info_) t.watched = matches_any(options.filter, t.name);
}

Optimizer::Report Optimizer::step(double lr, WatchFrame* frame) {
  WatchFrame measured = queue_step(lr, frame != nullptr).take();
  const Report report{measured.global_norm, measured.clip_factor, measured.skipped};
  if (frame) *frame = std::move(measured);
  return report;
}

Measured Optimizer::queue_step(double lr, bool watched) {
  for (size_t t = 0; t < entries_.size(); ++t) info_[t].trainable = entries_[t].value.needs_grad();
  const Plan wanted = plan(watched);
  WatchFrame frame;
  frame.step = steps_++;
  frame.lr = lr;
  if (device_ == Device::cuda) return update_on_gpu(wanted, std::move(frame));
  update_on_cpu(wanted, frame);
  return Measured(std::move(frame));
}

Optimizer::Plan Optimizer::plan(bool watched) const {
  const bool due = watched && steps_ % watch_.every == 0 && watch_.level != WatchLevel::none;
  const bool norm_first = options_.max_norm > 0 || options_.skip_non_finite;  // before anything is changed
  Plan p;
  // A watch of all gradients gives their norm for nothing.
  p.norm_from_watch =
      due && !norm_first && std::all_of(info_.begin(), info_.end(), [](const WatchedTensor& t) { return t.watched; });
  p.norm = norm_first || (watched && !p.norm_from_watch);
  p.gradient = due;
  p.all = due && watch_.level == WatchLevel::all;
  p.clipped = due && options_.max_norm > 0;
  return p;
}

void Optimizer::count_update() {
  for (const Entry& e : entries_)
    if (e.value.needs_grad() && e.value.has_grad()) *e.step.data<double>() += 1;
}

void Optimizer::update_on_cpu(const Plan& plan, WatchFrame& frame) {
  if (plan.norm)
    dispatch(dtype_, [&]<class T>(Type<T>) {
      const auto clip = kernels::clip_norm<T>(Cpu{}, table_, gradients<T>(), options_.max_norm);
      frame.global_norm = clip.norm;
      frame.clip_factor = clip.factor;
      frame.skipped = options_.skip_non_finite && !std::isfinite(clip.norm);
    });
  const auto take = [&](bool wanted, std::vector<TensorStats>& stats) {
    stats.assign(wanted ? entries_.size() : 0, {});
    return std::span(stats);
  };
  const Watch watch{take(plan.all, frame.parameter), take(plan.gradient, frame.gradient), take(plan.all, frame.update),
                    take(plan.clipped && frame.clip_factor < 1, frame.clipped)};
  if (!frame.skipped) count_update();
  update(frame.lr, {frame.clip_factor, frame.skipped, options_.zero_gradients}, watch);
  if (plan.norm_from_watch) frame.global_norm = norm_of(frame.gradient);
}

#if HEARTBEAT_CUDA
Measured Optimizer::update_on_gpu(const Plan& plan, WatchFrame frame) {
  if (!ring_) ring_ = std::make_unique<FrameRing>(long(entries_.size()));
  const FrameRing::Place place = ring_->next({plan.gradient, plan.all, plan.clipped});
  StepOptions options{.zero_gradients = options_.zero_gradients};
  if (plan.norm) {
    dispatch(dtype_, [&]<class T>(Type<T>) {
      kernels::clip_norm<T>(cuda::compute_stream(), table_, gradients<T>(), options_.max_norm, place.clip);
    });
    options.device_clip_factor = &place.clip->factor;
  }
  if (options_.skip_non_finite) {
    kernels::NormClip clip;
    cuda::copy(cuda::compute_stream(), &clip, place.clip, sizeof clip);
    cuda::synchronize(cuda::compute_stream());
    options.skip = frame.skipped = !std::isfinite(clip.norm);
  }
  if (!frame.skipped) count_update();
  update(frame.lr, options, place.watch);
  if (!plan.norm && !plan.gradient) return Measured(std::move(frame));  // there is nothing to wait for
  return ring_->send(std::move(frame), plan.norm, [from_watch = plan.norm_from_watch](WatchFrame& f) {
    if (from_watch) f.global_norm = norm_of(f.gradient);
    if (f.clip_factor >= 1) f.clipped.clear();
  });
}
#else
Measured Optimizer::update_on_gpu(const Plan&, WatchFrame frame) {
  return Measured(std::move(frame));
}
#endif

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
  for (const auto& [name, tensor] : mine) tensor.assign(given[name]);
  steps_ = long(given["optimizer.step"].item());
}

Sgd::Sgd(const Parameters& parameters, const OptimizerOptions& options, const SgdOptions& sgd)
    : Optimizer(parameters, options,
                sgd.momentum != 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{}),
      sgd_(sgd) {}

void Sgd::update(double lr, const StepOptions& options, const Watch& watch) {
  dispatch(device_, dtype_, [&]<class T>(auto device, Type<T>) {
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
  dispatch(device_, dtype_, [&]<class T>(auto device, Type<T>) {
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
