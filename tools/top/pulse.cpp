#include "tools/top/pulse.h"

#include <algorithm>

#include "tools/report/run_json.h"

namespace heartbeat {

RunPulse::RunPulse(const std::string& directory, bool per_tensor) : run_(directory), per_tensor_(per_tensor) {
  // Of a long run only the end is read.
  const long rows = long(run_.tensors().size()) * 4 * long(kRecentSteps);
  watch_read_ = std::max(0L, run_.last_row("watch") - rows);
  joined_late_ = watch_read_ > 0;
  update();
}

void RunPulse::name_layers() {
  std::map<std::string, std::size_t> known;
  layers_.clear(), layer_of_.clear();
  for (const TensorRow& t : run_.tensors()) {
    const std::size_t dot = t.name.rfind('.');
    const std::string name = per_tensor_ || dot == std::string::npos ? t.name : t.name.substr(0, dot);
    const auto [at, is_new] = known.emplace(name, layers_.size());
    if (is_new) layers_.push_back({.name = name});
    layer_of_.push_back(at->second);
  }
  open_.assign(layers_.size(), {});
}

bool RunPulse::update() {
  run_.refresh();
  if (run_.tensors().size() != layer_of_.size()) name_layers();
  const std::size_t alerts = alerts_.size();
  const long before = steps_read_ + scalars_read_ + watch_read_;
  const std::string outcome = outcome_;

  steps_read_ = run_.steps_after(steps_read_, [&](const StepRow& s) {
    step_ = s;
    beats_.push_back({s.wall_time, s.skipped});
    if (beats_.size() > kRecentSteps) beats_.pop_front();
  });
  scalars_read_ = run_.scalars_after(scalars_read_, [&](const ScalarRow& s) {
    if (std::isfinite(s.value)) scalars_[s.name] = s.value;
    if (s.name != "train/loss") return;
    while (!losses_.empty() && losses_.back().step >= s.step) losses_.pop_back();  // a resume repeats steps
    losses_.push_back({s.step, s.value});
  });
  watch_read_ = run_.watch_after(watch_read_, [&](const WatchRow& w) { add(w); });
  alerts_ = run_.alerts();
  outcome_ = outcome_of_run(run_);
  if (!outcome_.empty()) close_step();
  run_.release();
  return before != steps_read_ + scalars_read_ + watch_read_ || alerts != alerts_.size() || outcome != outcome_;
}

void RunPulse::add(const WatchRow& w) {
  if (w.step != watched_step_) close_step();
  watched_step_ = w.step;
  Sums& sums = open_[layer_of_[w.tensor]];
  const TensorStats& s = w.stats;
  const std::uint64_t finite = s.finite();
  const double squares = finite && std::isfinite(s.sum_of_squares) ? s.sum_of_squares : 0;
  switch (w.quantity) {
    case Quantity::parameter:
      sums.parameter += squares, sums.has_parameter = true;
      break;
    case Quantity::update:
      sums.update += squares, sums.has_update = true;
      break;
    case Quantity::gradient:
      sums.gradient += finite && std::isfinite(s.abs_sum) ? s.abs_sum : 0;
      sums.finite += finite, sums.broken += s.count() - finite, sums.has_gradient = true;
      break;
    default:
      break;
  }
}

void RunPulse::close_step() {
  if (watched_step_ < 0) return;
  watched_step_ = -1;
  if (joined_late_) {
    joined_late_ = false;
  } else {
    for (std::size_t k = 0; k < layers_.size(); ++k) {
      Layer& layer = layers_[k];
      const Sums& s = open_[k];
      layer.gradient = s.has_gradient && s.finite ? s.gradient / double(s.finite) : NAN;
      layer.ratio = s.has_update && s.parameter > 0 ? std::sqrt(s.update / s.parameter) : NAN;
      layer.broken = s.broken;
      layer.gradients.push_back(float(layer.gradient));
      if (layer.gradients.size() > kRecentSteps) layer.gradients.pop_front();
    }
  }
  open_.assign(layers_.size(), {});
}

double RunPulse::seconds_of_a_step() const {
  std::vector<double> gaps;
  for (std::size_t k = 1; k < beats_.size(); ++k) gaps.push_back(beats_[k].wall_time - beats_[k - 1].wall_time);
  if (gaps.empty()) return NAN;
  std::nth_element(gaps.begin(), gaps.begin() + long(gaps.size() / 2), gaps.end());
  return gaps[gaps.size() / 2];
}

double RunPulse::scalar(const std::string& name) const {
  const auto at = scalars_.find(name);
  return at == scalars_.end() ? NAN : at->second;
}

double RunPulse::smooth_loss() const {
  double sum = 0, n = 0;
  const std::size_t few = std::max<std::size_t>(4, losses_.size() / 50);
  for (std::size_t k = losses_.size() - std::min(few, losses_.size()); k < losses_.size(); ++k)
    if (std::isfinite(losses_[k].value)) sum += losses_[k].value, ++n;
  return sum / n;
}

}  // namespace heartbeat
