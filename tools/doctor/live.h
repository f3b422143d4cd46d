// The doctor beside a trainer: hears what goes into the run log, judges every step, and does what was asked for.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tools/doctor/doctor.h"
#include "tools/doctor/live_options.h"
#include "tools/log/run_log.h"

namespace heartbeat {

class LiveDoctor : public RunLogListener {
 public:
  // Listens to the log from now on, which has to outlive it.
  LiveDoctor(const LiveDoctorOptions& options, RunLog& log);
  ~LiveDoctor() override;

  // Reads a run that goes on after this step from its log, so that the doctor knows what it knew.
  void catch_up(const std::string& run_dir, long last_step);

  // Everything of the steps up to this one is in the log: judges them, logs the alerts, says them (a line for each
  // rule, at most one in ten seconds), and follows the policy. Where that is to log whatever comes, steps are judged a
  // few at a time, ten times a second: what the doctor knows and does is out of the processor's caches after a step,
  // and to fetch it costs more than to judge. pause: until the process is told to go on. stop and
  // roll-back: throws Stopped; the trainer saves, or leaves the last checkpoint as it is, so that --resume starts
  // there.
  void attend(long step, const std::function<void(const std::string&)>& say);

  // The same, without waiting for more steps. When a run ends before its time: who resumes it has to know.
  void attend_now(long step, const std::function<void(const std::string&)>& say);

  double seconds() const { return seconds_; }  // spent on judging so far
  const std::vector<AlertRow>& alerts() const { return doctor_.alerts(); }

  void heard(const std::vector<TensorRow>& tensors) override;
  void heard(const StepRow& row) override;
  void heard(const ScalarRow& row) override;
  void heard(long step, Quantity quantity, const std::shared_ptr<const std::vector<TensorStats>>& stats) override;

 private:
  enum class Policy { log, pause, stop, roll_back };
  struct Pending {
    bool has_row = false;
    StepRow row;
    Scalars of_step, of_evaluation;
    std::shared_ptr<const std::vector<TensorStats>> stats[kQuantities];
  };
  static Policy policy_named(const std::string& name);
  bool can_wait(long step);
  Policy judge(long step);
  Policy tell(const std::vector<AlertRow>& alerts);

  const bool on_;
  const Policy policies_[4];  // by severity
  RunLog& log_;
  Doctor doctor_;
  bool knows_tensors_ = false;
  std::mutex mutex_;
  std::map<long, Pending> pending_;  // by step
  std::map<std::string, std::chrono::steady_clock::time_point> said_;
  std::vector<std::string> lines_;
  double seconds_ = 0;
  std::chrono::steady_clock::time_point judged_;
};

}  // namespace heartbeat
