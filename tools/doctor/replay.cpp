#include "tools/doctor/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace heartbeat {
namespace {

// Walks the three tables side by side.
class Walk {
 public:
  Walk(const RunReader& run, Doctor& doctor, long last_step)
      : doctor_(doctor),
        last_(last_step),
        steps_(run.steps({LONG_MIN, last_step})),
        scalars_(run.scalars({LONG_MIN, last_step})) {
    for (auto& stats : stats_) stats.resize(run.tensors().size());
    for (auto& filled : filled_) filled.assign(run.tensors().size(), 0);
  }

  void take(const WatchRow& w) {
    if (w.step != watched_) {
      judge_until(w.step - 1);
      watched_ = w.step;
    }
    const int q = int(w.quantity);
    if (std::size_t(w.tensor) >= stats_[q].size()) return;
    stats_[q][w.tensor] = w.stats;
    filled_[q][w.tensor] = 1;
    any_[q] = true;
  }

  // Every step and evaluation up to this one, in order. Scalars come sorted by step and name.
  void judge_until(long until) {
    until = std::min(until, last_);
    while (true) {
      const long step = std::min(next_step_ < steps_.size() ? steps_[next_step_].step : LONG_MAX,
                                 next_scalar_ < scalars_.size() ? scalars_[next_scalar_].step : LONG_MAX);
      if (step == LONG_MAX || step > until) return;
      Scalars of_step, of_evaluation;
      for (; next_scalar_ < scalars_.size() && scalars_[next_scalar_].step == step; ++next_scalar_) {
        const ScalarRow& s = scalars_[next_scalar_];
        (belongs_to_evaluation(s.name) ? of_evaluation : of_step).emplace_back(s.name, s.value);
      }
      if (next_step_ < steps_.size() && steps_[next_step_].step == step) {
        doctor_.step(steps_[next_step_++], of_step, watched_ == step ? taken() : Doctor::Stats{});
        forget();
      }
      if (!of_evaluation.empty()) doctor_.evaluation(step, of_evaluation);
    }
  }

 private:
  Doctor::Stats taken() {
    Doctor::Stats taken;
    for (int q = 0; q < kQuantities; ++q)
      if (any_[q]) taken.of[q] = &stats_[q];
    return taken;
  }
  void forget() {
    for (int q = 0; q < kQuantities; ++q) {
      if (!any_[q]) continue;
      any_[q] = false;
      for (std::size_t t = 0; t < filled_[q].size(); ++t)
        if (std::exchange(filled_[q][t], 0)) stats_[q][t] = {};
    }
  }

  Doctor& doctor_;
  const long last_;
  const std::vector<StepRow> steps_;
  const std::vector<ScalarRow> scalars_;
  std::size_t next_step_ = 0, next_scalar_ = 0;
  long watched_ = LONG_MIN;
  std::vector<TensorStats> stats_[kQuantities];
  std::vector<char> filled_[kQuantities];
  bool any_[kQuantities] = {};
};

nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

void replay(const RunReader& run, Doctor& doctor, long last_step) {
  doctor.tensors(run.tensors());
  Walk walk(run, doctor, last_step);
  run.watch({LONG_MIN, last_step}, [&](const WatchRow& w) { walk.take(w); });
  walk.judge_until(LONG_MAX);
}

std::string alerts_json(const RunReader& run, const Doctor& doctor) {
  nlohmann::ordered_json json = {{"run", run.directory()},
                                 {"steps", doctor.steps()},
                                 {"exit_code", exit_code_of(doctor.alerts())},
                                 {"alerts", nlohmann::ordered_json::array()}};
  for (const AlertRow& a : doctor.alerts()) {
    nlohmann::ordered_json alert = {{"rule", a.rule},
                                    {"severity", a.severity},
                                    {"tensor", a.tensor},
                                    {"first_step", a.first_step},
                                    {"step", a.step},
                                    {"value", number(a.value)},
                                    {"limit", number(a.limit)},
                                    {"text", a.text},
                                    {"fixes", nlohmann::json::array()}};
    for (std::size_t from = 0; from < a.fixes.size();) {
      const std::size_t end = std::min(a.fixes.find('\n', from), a.fixes.size());
      alert["fixes"].push_back(a.fixes.substr(from, end - from));
      from = end + 1;
    }
    alert["silence"] = a.rule + (a.tensor.empty() ? "" : ":" + a.tensor);
    json["alerts"].push_back(std::move(alert));
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string rules_text() {
  std::string text;
  Rules rules = all_rules();
  std::sort(rules.begin(), rules.end(),
            [](const auto& a, const auto& b) { return std::string_view(a->spec().id) < b->spec().id; });
  for (const auto& rule : rules) {
    const RuleSpec& s = rule->spec();
    text += fmt::format("{} {}  {}\n        patience={}", s.id, letter_of(s.severity), s.condition, s.patience);
    for (const auto& [name, value] : s.limits) text += fmt::format("  {}={}", name, value);
    text += "\n";
  }
  return text;
}

}  // namespace heartbeat
