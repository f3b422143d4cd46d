#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

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

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, std::vector<std::string> parts,
                     [[maybe_unused]] std::size_t rates)
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
    expect("optimizer", acc_of(dtype_) == dtype_, name, " is ", name_of(dtype_), ", and parameters are kept in f32");
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
#if HEARTBEAT_CUDA
  if (device_ == Device::cpu) return;
  ring_ = std::make_unique<FrameRing>(long(entries_.size()));
  rates_ = std::make_unique<Storage>(device_, rates * sizeof(double));
#endif
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
  const Update update = update_of(watched);
  if (device_ == Device::cuda) {
    begin_step(lr, update);
    queue_update(update);
    return end_step(update);
  }
  WatchFrame frame = next_frame(lr);
  update_on_cpu(update, frame);
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

WatchFrame Optimizer::next_frame(double lr) {
  for (size_t t = 0; t < entries_.size(); ++t) info_[t].trainable = entries_[t].value.needs_grad();
  WatchFrame frame;
  frame.step = steps_++;
  frame.lr = lr;
  return frame;
}

Optimizer::Update Optimizer::update_of(bool watched) const {
  Update u{plan(watched), {}};
  for (const Entry& e : entries_) u.reached.push_back(e.value.needs_grad() && e.value.has_grad());
  return u;
}

void Optimizer::count_update(const Update& update) {
  for (size_t t = 0; t < entries_.size(); ++t)
    if (update.reached[t]) *entries_[t].step.data<double>() += 1;
}

void Optimizer::update_on_cpu(const Update& how, WatchFrame& frame) {
  const Plan& plan = how.plan;
  if (plan.norm)
    dispatch_wide("optimizer", device_, dtype_, [&]<class T>(auto, Type<T>) {
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
  if (!frame.skipped) count_update(how);
  update(frame.lr, nullptr, {frame.clip_factor, frame.skipped, options_.zero_gradients}, watch);
  if (plan.norm_from_watch) frame.global_norm = norm_of(frame.gradient);
}

#if HEARTBEAT_CUDA
namespace {

FrameRing::Quantities quantities(const Optimizer::Plan& plan) {
  return {plan.gradient, plan.all, plan.clipped};
}

}  // namespace

void Optimizer::queue_norm(const Update& update) {
  if (!update.plan.norm) return;
  dispatch_wide("optimizer", device_, dtype_, [&]<class T>(auto, Type<T>) {
    kernels::clip_norm<T>(cuda::compute_stream(), table_, gradients<T>(), options_.max_norm,
                          ring_->place(quantities(update.plan)).clip);
  });
}

void Optimizer::begin_step(double lr, const Update& update) {
  begun_ = next_frame(lr);
  if (options_.skip_non_finite) {
    ring_->clear();
    queue_norm(update);
    kernels::NormClip clip;
    cuda::copy(cuda::compute_stream(), &clip, ring_->place({}).clip, sizeof clip);
    cuda::synchronize(cuda::compute_stream());
    begun_.skipped = !std::isfinite(clip.norm);
  }
  if (!begun_.skipped) count_update(update);
  const std::vector<double> now = rates(lr);
  cuda::upload(cuda::compute_stream(), rates_->data(), now.data(), now.size() * sizeof(double));
}

void Optimizer::queue_update(const Update& how) {
  if (options_.skip_non_finite && cuda::is_recording(cuda::compute_stream()))
    throw cuda::NotRecordable("skip_non_finite asks the host whether the norm is a number");
  if (!options_.skip_non_finite) {
    ring_->clear();
    queue_norm(how);
  }
  const FrameRing::Place place = ring_->place(quantities(how.plan));
  StepOptions options{.skip = begun_.skipped, .zero_gradients = options_.zero_gradients};
  if (how.plan.norm) options.device_clip_factor = &place.clip->factor;
  update(begun_.lr, reinterpret_cast<const double*>(rates_->data()), options, place.watch);
}

Measured Optimizer::end_step(const Update& update) {
  const Plan& plan = update.plan;
  if (!plan.norm && !plan.gradient) return Measured(std::move(begun_));  // there is nothing to wait for
  return ring_->send(quantities(plan), std::move(begun_), plan.norm,
                     [from_watch = plan.norm_from_watch](WatchFrame& f) {
                       if (from_watch) f.global_norm = norm_of(f.gradient);
                       if (f.clip_factor >= 1) f.clipped.clear();
                     });
}
#else
void Optimizer::queue_norm(const Update&) {}
void Optimizer::begin_step(double, const Update&) {}
void Optimizer::queue_update(const Update&) {}
Measured Optimizer::end_step(const Update&) {
  return Measured(WatchFrame{});
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
                sgd.momentum != 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{},
                /*rates=*/1),
      sgd_(sgd) {}

void Sgd::update(double lr, const double* device_rates, const StepOptions& options, const Watch& watch) {
  dispatch_wide("optimizer", device_, dtype_, [&]<class T>(auto device, Type<T>) {
    std::vector<kernels::SgdTensor<T>> tensors;
    for (size_t t = 0; t < entries_.size(); ++t) {
      const Entry& e = entries_[t];
      T* momentum = e.state.empty() ? nullptr : e.state[0].template data<T>();
      tensors.push_back({e.value.data<T>(), gradient_of<T>(t), momentum, e.weight_decay, info_[t].watched});
    }
    kernels::sgd<T>(device, table_, tensors, {lr, sgd_.momentum, sgd_.nesterov, device_rates}, options, watch);
  });
}

AdamW::AdamW(const Parameters& parameters, const OptimizerOptions& options, const AdamWOptions& adamw)
    : Optimizer(parameters, options, {"exp_avg", "exp_avg_sq"}, /*rates=*/3 * parameters.size()), adamw_(adamw) {}

kernels::AdamwRule AdamW::rule(double lr) const {
  return {lr, adamw_.beta1, adamw_.beta2, adamw_.epsilon, adamw_.decoupled};
}

std::vector<double> AdamW::rates(double lr) const {
  std::vector<double> all;
  for (const Entry& e : entries_) {
    const auto [rate, unbias, keep] =
        kernels::adamw_coefficients(rule(lr), e.weight_decay, std::max(1L, long(e.step.item())));
    all.insert(all.end(), {rate, unbias, keep});
  }
  return all;
}

void AdamW::update(double lr, const double* device_rates, const StepOptions& options, const Watch& watch) {
  static_assert(sizeof(kernels::AdamwCoefficients) == 3 * sizeof(double));
  dispatch_wide("optimizer", device_, dtype_, [&]<class T>(auto device, Type<T>) {
    std::vector<kernels::AdamwTensor<T>> tensors;
    for (size_t t = 0; t < entries_.size(); ++t) {
      const Entry& e = entries_[t];
      tensors.push_back({e.value.data<T>(), gradient_of<T>(t), e.state[0].template data<T>(),
                         e.state[1].template data<T>(), e.weight_decay, std::max(1L, long(e.step.item())),
                         info_[t].watched});
    }
    kernels::AdamwRule now = rule(lr);
    now.device_coefficients = reinterpret_cast<const kernels::AdamwCoefficients*>(device_rates);
    kernels::adamw<T>(device, table_, tensors, now, options, watch);
  });
}

}  // namespace heartbeat::nn
