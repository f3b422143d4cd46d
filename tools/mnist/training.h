// The training of a classifier of digits: steps, tests, checkpoints, the run log.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "autograd/later.h"
#include "nn/optimizer.h"
#include "tools/doctor/live.h"
#include "tools/log/run_log.h"
#include "tools/mnist/digit_model.h"
#include "tools/mnist/digits.h"
#include "tools/mnist/options.h"

namespace heartbeat {

// Reads the digits of --data, or draws some, writes them into the run directory as IDX files and reads those.
Digits load_digits(const MnistOptions& options);

// --optimizer over the parameters, watching what the options say.
std::unique_ptr<nn::Optimizer> make_optimizer(const MnistOptions& options, const nn::Parameters& parameters);

// Everything needed to continue is in last.safetensors; the weights of the best test are in best.safetensors.
class DigitTraining {
 public:
  // Starts a run in options.run_dir, or continues it. The digits must outlive the training.
  DigitTraining(const MnistOptions& options, const Digits& digits);

  // Trains all epochs, tests after each, saves. Throws Interrupted after saving on Ctrl-C, and Stopped where the doctor
  // says so.
  void run();
  const std::vector<AlertRow>& alerts() const { return doctor_->alerts(); }

 private:
  long steps_in_epoch() const;
  long total_steps() const { return options_.epochs * steps_in_epoch(); }
  DigitBatch next_batch();
  // A step that is done or, on a GPU, queued: what it measured is on its way, and logged one step later.
  struct QueuedStep {
    long step;
    double lr;
    Later loss;
    nn::Measured measured;
  };
  double step();  // the loss of the last one logged
  void log_step(QueuedStep& queued);
  void log_queued(size_t keep = 0);  // all but the last `keep`
  // Throws Interrupted on Ctrl-C, and then has logged nothing.
  TestResult test();
  void train();
  void log_plan();  // what the doctor can know beforehand
  void ablate(const TestResult& whole);
  void save_last();
  void restore();
  std::string plan() const;
  void print_result(const TestResult& last);

  const MnistOptions options_;
  const Digits& digits_;
  DigitModel model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<LiveDoctor> doctor_;
  std::vector<long> order_;  // of the digits in the current epoch
  long order_epoch_ = -1;
  std::string fingerprint_;  // of the digits

  // What a resumed run takes up again.
  struct State {
    long step = 0, tested_step = 0, best_epoch = 0;
    double smooth_loss = 0, best_accuracy = -1, best_loss = 0;
  } state_;
  // Of this session.
  std::deque<QueuedStep> queued_;
  double loss_ = 0;                              // of the last step logged
  double step_seconds_ = 0, watch_seconds_ = 0;  // of training, and of handing the heartbeat to the log
  long first_step_ = 0;
  bool explained_ = false;  // where the first number that is none came from
};

}  // namespace heartbeat
