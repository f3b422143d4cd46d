#include "tools/doctor/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "tools/common/clock.h"
#include "tools/common/program.h"
#include "tools/doctor/replay.h"

namespace heartbeat {
namespace {

constexpr auto kOneLineEvery = std::chrono::seconds(10);
constexpr auto kJudgeEvery = std::chrono::milliseconds(100);

// As they come back from the log, so that the doctor meets the same order later.
void put_in_order(Scalars& scalars) {
  std::stable_sort(scalars.begin(), scalars.end(), [](auto& a, auto& b) { return a.first < b.first; });
}

}  // namespace

LiveDoctor::Policy LiveDoctor::policy_named(const std::string& name) {
  return name == "pause"       ? Policy::pause
         : name == "stop"      ? Policy::stop
         : name == "roll-back" ? Policy::roll_back
                               : Policy::log;
}

LiveDoctor::LiveDoctor(const LiveDoctorOptions& options, RunLog& log)
    : on_(options.doctor == "on"),
      policies_{Policy::log, policy_named(options.on_warning), policy_named(options.on_error),
                policy_named(options.on_fatal)},
      log_(log),
      doctor_(doctor_options(options.silence, options.limits)) {
  if (on_) log_.listen(this);
}

void LiveDoctor::catch_up(const std::string& run_dir, long last_step) {
  if (!on_) return;
  replay(RunReader(run_dir), doctor_, last_step);
  knows_tensors_ = true;
}

LiveDoctor::~LiveDoctor() {
  if (on_) log_.listen(nullptr);
}

void LiveDoctor::heard(const std::vector<TensorRow>& tensors) {
  if (!std::exchange(knows_tensors_, true)) doctor_.tensors(tensors);
}
void LiveDoctor::heard(const StepRow& row) {
  const std::lock_guard lock(mutex_);
  pending_[row.step].row = row;
  pending_[row.step].has_row = true;
}
void LiveDoctor::heard(const ScalarRow& row) {
  const std::lock_guard lock(mutex_);
  Pending& p = pending_[row.step];
  (belongs_to_evaluation(row.name) ? p.of_evaluation : p.of_step).emplace_back(row.name, row.value);
}
void LiveDoctor::heard(long step, Quantity quantity, const std::shared_ptr<const std::vector<TensorStats>>& stats) {
  const std::lock_guard lock(mutex_);
  pending_[step].stats[int(quantity)] = stats;
}

bool LiveDoctor::can_wait(long step) {
  if (std::any_of(std::begin(policies_), std::end(policies_), [](Policy p) { return p != Policy::log; })) return false;
  if (std::chrono::steady_clock::now() - judged_ > kJudgeEvery) return false;
  const std::lock_guard lock(mutex_);
  // What a test or a validation found is said beside it.
  return std::none_of(pending_.begin(), pending_.upper_bound(step),
                      [](const auto& p) { return !p.second.of_evaluation.empty(); });
}

LiveDoctor::Policy LiveDoctor::judge(long step) {
  if (!on_) return Policy::log;
  const auto start = Clock::now();
  Policy policy = Policy::log;
  for (;;) {
    long at = 0;
    Pending p;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.empty() || pending_.begin()->first > step) break;
      at = pending_.begin()->first;
      // A trainer that logs behind a GPU has timed this step already, and its row is still to come.
      const Pending& first = pending_.begin()->second;
      const bool is_last = pending_.size() == 1;
      if (is_last && !first.has_row && first.of_evaluation.empty()) break;
      p = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
    }
    if (p.has_row) {
      Doctor::Stats stats;
      for (int q = 0; q < kQuantities; ++q) stats.of[q] = p.stats[q].get();
      put_in_order(p.of_step);
      policy = std::max(policy, tell(doctor_.step(p.row, p.of_step, stats)));
    }
    if (p.of_evaluation.empty()) continue;
    put_in_order(p.of_evaluation);
    policy = std::max(policy, tell(doctor_.evaluation(at, p.of_evaluation)));
  }
  judged_ = std::chrono::steady_clock::now();
  seconds_ += seconds_since(start);
  return policy;
}

LiveDoctor::Policy LiveDoctor::tell(const std::vector<AlertRow>& alerts) {
  Policy policy = Policy::log;
  for (const AlertRow& a : alerts) {
    log_.alert(a);
    const int level = a.severity == "F" ? 3 : a.severity == "E" ? 2 : a.severity == "W" ? 1 : 0;
    policy = std::max(policy, policies_[level]);
    const auto now = std::chrono::steady_clock::now();
    const auto said = said_.find(a.rule);
    if (said != said_.end() && now - said->second < kOneLineEvery) continue;
    said_[a.rule] = now;
    lines_.push_back("doctor: " + alert_line(a));
  }
  return policy;
}

void LiveDoctor::attend(long step, const std::function<void(const std::string&)>& say) {
  if (on_ && !can_wait(step)) attend_now(step, say);
}

void LiveDoctor::attend_now(long step, const std::function<void(const std::string&)>& say) {
  const Policy policy = judge(step);
  for (const std::string& line : std::exchange(lines_, {})) say(line);
  if (policy == Policy::log) return;
  log_.flush();
  if (policy == Policy::pause) {
    say("doctor: paused; kill -CONT (or fg) goes on");
    std::fflush(stdout);
    std::raise(SIGSTOP);
    return;
  }
  const AlertRow& last = doctor_.alerts().back();
  const bool saves = policy == Policy::stop;
  throw Stopped(saves ? Stopped::Kind::saved : Stopped::Kind::not_saved, exit_code_of(doctor_.alerts()),
                fmt::format("stopped by the doctor ({}: {}); {}", last.rule, last.text,
                            saves ? "the state is saved" : "--resume goes on from the last checkpoint"));
}

}  // namespace heartbeat
