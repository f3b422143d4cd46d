// A rule of the doctor: a condition with patience, evidence and advice. A rule looks at the patient after every step
// and after every evaluation, and calls check() for whatever it watches; what has failed often enough in a row becomes
// a finding.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/doctor/patient.h"

namespace heartbeat {

enum class Severity { information, warning, error, fatal };
char letter_of(Severity severity);  // I, W, E, F

struct RuleSpec {
  const char* id;         // "R16"
  const char* condition;  // for a list of rules
  Severity severity;
  long patience;  // failing checks in a row before the alert
  std::vector<std::pair<const char*, double>> limits = {};
  const char* fixes = "";  // the first to try first, one to a line
};

// "R16.high" -> value, for those that differ from the defaults. The patience of a rule is R16.patience.
using Limits = std::map<std::string, double>;

struct Finding {
  std::string place;  // tensor, module or channel; empty: the whole run
  Severity severity = Severity::warning;
  long first_step = 0;
  double value = 0, limit = 0;
  std::string sentence;
};

class Rule {
 public:
  explicit Rule(RuleSpec spec) : spec_(std::move(spec)) {}
  virtual ~Rule() = default;
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  // Changes those limits that are of this rule; before the first step.
  void configure(const Limits& limits);
  virtual void step(const Patient&) {}
  virtual void evaluation(const Patient&) {}  // also once at step 0, with what is known beforehand

  const RuleSpec& spec() const { return spec_; }
  std::vector<Finding> take() { return std::exchange(findings_, {}); }

 protected:
  double limit(const char* name) const;

  struct Evidence {
    bool fails = false;
    double value = 0, limit = 0;
    Severity severity = {};
    long patience = 0;
  };
  Evidence evidence(bool fails, double value, double limit) const {
    return {fails, value, limit, spec_.severity, spec_.patience};
  }
  // key: what is watched, such as the number of a tensor. Findings of one key come once, and again when more severe.
  template <class Sentence>
  void check(const Patient& p, std::size_t key, const std::string& place, const Evidence& e, Sentence sentence) {
    if (counts(key, p.row.step, e))
      findings_.push_back({place, e.severity, states_[key].first, e.value, e.limit, sentence()});
  }

 private:
  bool counts(std::size_t key, long step, const Evidence& e);

  struct State {
    long failing = 0, first = 0;
    int told = -1;  // severity
  };
  RuleSpec spec_;
  std::vector<State> states_;
  std::vector<Finding> findings_;
};

using Rules = std::vector<std::unique_ptr<Rule>>;
// What is built, in the order in which they are asked.
Rules all_rules();
// Of a file each.
void add_finite_rules(Rules& rules);
void add_gradient_rules(Rules& rules);
void add_update_rules(Rules& rules);
void add_start_rules(Rules& rules);
void add_loss_rules(Rules& rules);
void add_trend_rules(Rules& rules);
void add_evaluation_rules(Rules& rules);
void add_trial_rules(Rules& rules);
void add_structure_rules(Rules& rules);
void add_probe_rules(Rules& rules);
void add_check_rules(Rules& rules);

// look(number, place, value) for each of the scalars "prefix<place>".
template <class Look>
void each(const Scalars& scalars, std::string_view prefix, Look look) {
  std::size_t key = 0;
  for (const auto& [name, value] : scalars)
    if (name.starts_with(prefix)) look(key++, name.substr(prefix.size()), value);
}

// "0.0123", "1.2e-7": numbers in sentences.
std::string short_number(double value);

}  // namespace heartbeat
