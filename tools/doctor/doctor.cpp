#include "tools/doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "nn/watch.h"
#include "tools/doctor/windows.h"

namespace heartbeat {
namespace {

constexpr double kLossSmoothing = 0.95;
constexpr long kWarmSteps = 50;

// How far beyond its limit a value is; what is no number is furthest.
double excess(const Finding& f) {
  if (!std::isfinite(f.value)) return INFINITY;
  if (f.value == 0 || f.limit == 0) return std::abs(f.value - f.limit);
  return std::abs(std::log(std::abs(f.value / f.limit)));
}

std::string part_of(const std::string& place) {
  return place.substr(0, place.find('.'));
}

}  // namespace

DoctorOptions doctor_options(const std::vector<std::string>& silence, const std::vector<std::string>& limits) {
  DoctorOptions options{silence, {}};
  const Rules rules = all_rules();
  const auto find = [&](const std::string& id) {
    return std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r->spec().id == id; });
  };
  for (const std::string& s : silence)
    if (find(s.substr(0, s.find(':'))) == rules.end())
      throw UserError(fmt::format("--silence {}: there is no such rule; heartbeat doctor --rules lists them", s));
  for (const std::string& text : limits) {
    const std::size_t dot = text.find('.'), equals = text.find('=');
    const std::string name = equals == std::string::npos ? text : text.substr(0, equals);
    const auto rule = find(text.substr(0, dot));
    char* end = nullptr;
    const double value = equals == std::string::npos ? 0 : std::strtod(text.c_str() + equals + 1, &end);
    const bool number = end && *end == 0 && end != text.c_str() + equals + 1 && std::isfinite(value);
    bool known = false;
    if (rule != rules.end() && dot != std::string::npos && number) {
      const std::string limit = name.substr(dot + 1);
      known = limit == "patience";
      for (const auto& l : (*rule)->spec().limits) known = known || limit == l.first;
    }
    if (!known)
      throw UserError(fmt::format(
          "'{}' sets no limit of a rule; write it as R16.high=0.02, and see heartbeat doctor --rules", text));
    options.limits[name] = value;
  }
  return options;
}

bool belongs_to_evaluation(const std::string& scalar) {
  for (const char* prefix : {"valid/", "test/", "plan/", "baseline/", "ablate/", "ablate_error/", "check/"})
    if (scalar.rfind(prefix, 0) == 0) return true;
  return false;
}

Doctor::Doctor(const DoctorOptions& options) : rules_(all_rules()), silence_(options.silence) {
  for (const auto& rule : rules_) rule->configure(options.limits);
}

void Doctor::tensors(const std::vector<TensorRow>& tensors) {
  for (const TensorRow& row : tensors) {
    patient_.tensors.push_back(patient_tensor(row));
    if (!patient_.tensors.back().matrix) continue;
    const int k = int(patient_.tensors.size()) - 1;
    if (patient_.first_matrix < 0) patient_.first_matrix = k;
    patient_.last_matrix = k;
  }
}

void Doctor::read_loss(double loss) {
  LossHistory& history = patient_.loss;
  history.last = loss;
  ++history.count;
  if (!std::isfinite(loss)) return;
  if (first_losses_.size() < 10) {
    first_losses_.push_back(loss);
    history.first = history.smooth = mean_of(first_losses_);
  } else {
    history.smooth = kLossSmoothing * history.smooth + (1 - kLossSmoothing) * loss;
  }
  history.least = std::isnan(history.least) ? history.smooth : std::min(history.least, history.smooth);
}

std::vector<AlertRow> Doctor::step(const StepRow& row, const Scalars& scalars, const Stats& stats) {
  ++steps_;
  patient_.row = row;
  patient_.scalars = &scalars;
  for (int q = 0; q < kQuantities; ++q) {
    patient_.pulses[q].clear();
    if (!stats.of[q]) continue;
    for (const TensorStats& s : *stats.of[q]) patient_.pulses[q].emplace_back(&s);
    const bool any = std::any_of(patient_.pulses[q].begin(), patient_.pulses[q].end(), [](auto& p) { return p.n > 0; });
    patient_.pulses[q].resize(any ? patient_.tensors.size() : 0);
  }
  if (patient_.has_scalar("train/loss")) read_loss(patient_.scalar("train/loss"));
  const double rate = patient_.rate(), peak = patient_.fact("plan/peak_lr");
  if (rate > patient_.peak_rate) patient_.peak_rate = rate;
  risen_ = risen_ || !(patient_.peak_rate < 0.99 * peak);
  patient_.warm = row.step > kWarmSteps && risen_;
  for (const auto& rule : rules_) rule->step(patient_);
  return collect();
}

std::vector<AlertRow> Doctor::evaluation(long step, const Scalars& scalars) {
  if (step == 0)
    for (const auto& [name, value] : scalars) patient_.facts[name] = value;
  patient_.row.step = step;
  patient_.scalars = &scalars;
  for (auto& pulses : patient_.pulses) pulses.clear();
  for (const auto& rule : rules_) rule->evaluation(patient_);
  return collect();
}

bool Doctor::silenced(const std::string& rule, const std::string& place) const {
  for (const std::string& s : silence_) {
    const std::size_t colon = s.find(':');
    if (s.substr(0, colon) != rule) continue;
    if (colon == std::string::npos || nn::matches_any(s.substr(colon + 1), place)) return true;
  }
  return false;
}

std::vector<AlertRow> Doctor::collect() {
  std::vector<AlertRow> fresh;
  // What follows from numbers that are none is not news.
  const int least = lost_ ? int(Severity::fatal) : 0;
  for (const auto& rule : rules_) {
    const std::vector<Finding> findings = rule->take();
    for (int level = int(Severity::fatal); level >= least && !findings.empty(); --level) {
      std::vector<const Finding*> news;
      for (const Finding& f : findings) {
        if (int(f.severity) != level || silenced(rule->spec().id, f.place)) continue;
        const auto told = told_.find({rule->spec().id, part_of(f.place)});
        if (told == told_.end() || told->second < level) news.push_back(&f);
      }
      if (news.empty()) continue;
      const auto worst = std::max_element(news.begin(), news.end(),
                                          [](const Finding* a, const Finding* b) { return excess(*a) < excess(*b); });
      const Finding& f = **worst;
      std::set<std::string> parts;
      for (const Finding* n : news) {
        parts.insert(part_of(n->place));
        told_[{rule->spec().id, part_of(n->place)}] = level;
      }
      std::string text = f.sentence;
      if (news.size() > 1) text += fmt::format(" ({} more like it, in {})", news.size() - 1, fmt::join(parts, ", "));
      fresh.push_back({rule->spec().id, std::string(1, letter_of(f.severity)), f.place, f.first_step, patient_.row.step,
                       f.value, f.limit, text, rule->spec().fixes});
    }
  }
  for (const AlertRow& a : fresh) lost_ = lost_ || a.severity == "F";
  alerts_.insert(alerts_.end(), fresh.begin(), fresh.end());
  return fresh;
}

std::vector<AlertRow> serious(const std::vector<AlertRow>& alerts) {
  std::vector<AlertRow> found;
  for (const AlertRow& a : alerts)
    if (a.severity != "I") found.push_back(a);
  return found;
}

int exit_code_of(const std::vector<AlertRow>& alerts) {
  int code = 0;
  for (const AlertRow& a : alerts)
    code = std::max(code, a.severity == "F" ? 12 : a.severity == "E" ? 11 : a.severity == "W" ? 10 : 0);
  return code;
}

std::string summary_text(const Doctor& doctor) {
  long counts[4] = {};
  for (const AlertRow& a : doctor.alerts()) ++counts[std::string("FEWI").find(a.severity)];
  const char* names[] = {"fatal", "error", "warning", "information"};
  std::string text;
  for (int k = 0; k < 4; ++k)
    if (counts[k]) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[k], names[k]);
  return fmt::format("{} in {} steps, by {} rules\n", text.empty() ? "nothing is wrong" : text, doctor.steps(),
                     doctor.rules().size());
}

std::string alert_line(const AlertRow& a) {
  return fmt::format("{} {}  step {}{}  {}", a.severity, a.rule, a.step, a.tensor.empty() ? "" : "  " + a.tensor,
                     a.text);
}

std::string alert_text(const AlertRow& a) {
  std::string text = alert_line(a) + "\n";
  text += fmt::format("    measured {} against {}, since step {}\n", short_number(a.value), short_number(a.limit),
                      a.first_step);
  for (std::size_t from = 0; from < a.fixes.size();) {
    const std::size_t end = std::min(a.fixes.find('\n', from), a.fixes.size());
    text += "    - " + a.fixes.substr(from, end - from) + "\n";
    from = end + 1;
  }
  return text + fmt::format("    not wanted? --silence {}{}\n", a.rule, a.tensor.empty() ? "" : ":" + a.tensor);
}

}  // namespace heartbeat
