// The doctor: asks every rule about every step, and turns what they find into alerts. One code for a run that is going
// on (live.h) and for one that is read from its log (replay.h).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tools/doctor/rule.h"

namespace heartbeat {

struct DoctorOptions {
  std::vector<std::string> silence;  // "R16", or "R16:fc1.*" for some tensors, modules or channels
  Limits limits;
};
// "R16.high=0.02" -> {"R16.high", 0.02}. UserError where a rule has no such limit, or --silence names no rule.
DoctorOptions doctor_options(const std::vector<std::string>& silence, const std::vector<std::string>& limits);

// Scalars of an evaluation rather than of a step: valid/loss, test/accuracy, ablate/rand_fc, ...
bool belongs_to_evaluation(const std::string& scalar);

class Doctor {
 public:
  explicit Doctor(const DoctorOptions& options = {});

  void tensors(const std::vector<TensorRow>& tensors);
  // stats: for each quantity one entry for each tensor, or none. Statistics without elements count as not recorded.
  struct Stats {
    const std::vector<TensorStats>* of[kQuantities] = {};
  };
  // Both return what is new. Steps come in ascending order; the scalars of an evaluation after those of its step.
  std::vector<AlertRow> step(const StepRow& row, const Scalars& scalars, const Stats& stats);
  std::vector<AlertRow> evaluation(long step, const Scalars& scalars);

  const std::vector<AlertRow>& alerts() const { return alerts_; }
  const Rules& rules() const { return rules_; }
  long steps() const { return steps_; }

 private:
  std::vector<AlertRow> collect();
  bool silenced(const std::string& rule, const std::string& place) const;
  void read_loss(double loss);

  Rules rules_;
  std::vector<std::string> silence_;
  Patient patient_;
  std::map<std::pair<std::string, std::string>, int> told_;  // rule and part to the gravest severity told
  std::vector<AlertRow> alerts_;
  std::vector<double> first_losses_;
  long steps_ = 0;
  bool risen_ = false;
  bool lost_ = false;  // something fatal was found
};

// The alerts above information.
std::vector<AlertRow> serious(const std::vector<AlertRow>& alerts);
// 0: nothing above information, 10 a warning, 11 an error, 12 fatal.
int exit_code_of(const std::vector<AlertRow>& alerts);
// "2 warnings and 1 information in 300 steps", or that nothing is wrong.
std::string summary_text(const Doctor& doctor);
// One alert as lines for a terminal: what, evidence, advice, how to silence it.
std::string alert_text(const AlertRow& alert);
// The same in one line.
std::string alert_line(const AlertRow& alert);

}  // namespace heartbeat
