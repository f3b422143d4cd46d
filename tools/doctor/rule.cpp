#include "tools/doctor/rule.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

namespace heartbeat {

char letter_of(Severity severity) {
  return "IWEF"[int(severity)];
}

std::string short_number(double value) {
  return std::isnan(value) ? "NaN" : fmt::format("{:.3g}", value);  // whatever its sign
}

void Rule::configure(const Limits& limits) {
  const std::string prefix = std::string(spec_.id) + ".";
  for (auto& [name, value] : spec_.limits)
    if (const auto given = limits.find(prefix + name); given != limits.end()) value = given->second;
  if (const auto given = limits.find(prefix + "patience"); given != limits.end()) spec_.patience = long(given->second);
}

double Rule::limit(const char* name) const {
  for (const auto& [known, value] : spec_.limits)
    if (std::strcmp(known, name) == 0) return value;
  throw std::logic_error(fmt::format("{} has no limit {}", spec_.id, name));
}

bool Rule::counts(std::size_t key, long step, const Evidence& e) {
  if (key >= states_.size()) states_.resize(key + 1);
  State& s = states_[key];
  if (!e.fails) {
    s.failing = 0;
    return false;
  }
  if (s.failing++ == 0) s.first = step;
  if (s.failing < e.patience || s.told >= int(e.severity)) return false;
  s.told = int(e.severity);
  return true;
}

Rules all_rules() {
  Rules rules;
  for (const auto add :
       {add_finite_rules, add_gradient_rules, add_update_rules, add_start_rules, add_loss_rules, add_trend_rules,
        add_evaluation_rules, add_trial_rules, add_structure_rules, add_probe_rules, add_check_rules})
    add(rules);
  return rules;
}

}  // namespace heartbeat
