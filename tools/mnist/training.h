// The training of a classifier of digits: steps, tests, checkpoints, the run log.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "autograd/later.h"
#include "nn/optimizer.h"
#include "nn/step_graphs.h"
#include "tools/doctor/live.h"
#include "tools/log/run_log.h"
#include "tools/mnist/digit_model.h"
#include "tools/mnist/digits.h"
#include "tools/mnist/options.h"
#include "tools/train/checks.h"
#include "tools/train/probe.h"

namespace heartbeat {

// Reads the digits of --data, or draws some, writes them into the run directory as IDX files and reads those.
Digits load_digits(const MnistOptions& options);

// --optimizer over the parameters, watching what the options say.
std::unique_ptr<nn::Optimizer> make_optimizer(const MnistOptions& options, const nn::Parameters& parameters);

// The batches of a run: each epoch shows all digits once, in an order that seed and epoch name; its last batch holds
// what is left.
class DigitBatches {
 public:
  // The set must outlive it.
  DigitBatches(const DigitSet& set, long batch_size, std::uint64_t seed)
      : set_(set), batch_size_(batch_size), seed_(seed) {}
  long in_epoch() const { return (set_.count() + batch_size_ - 1) / batch_size_; }
  DigitBatch at(long step);  // counted from 0

 private:
  const DigitSet& set_;
  const long batch_size_;
  const std::uint64_t seed_;
  std::vector<long> order_;  // of the digits in an epoch
  long epoch_ = -1;
};

// What --probe and the checks look at, see tools/train/.
ProbedBatch probed_batch(const DigitModel& model, const DigitBatch& batch, const Tensor& noise,
                         const Breakage& breakage);
MakeRehearsal digit_rehearsal(const MnistOptions& options, const DigitSet& set);
// The noise of training steps, counted from 1.
RandomKey training_noise(std::uint64_t seed, long step);

// Everything needed to continue is in last.safetensors; the weights of the best test are in best.safetensors.
class DigitTraining {
 public:
  // Starts a run in options.run_dir, or continues it. The digits must outlive the training.
  DigitTraining(const MnistOptions& options, const Digits& digits);

  // Trains all epochs, tests after each, saves. Throws Interrupted after saving on Ctrl-C, and Stopped where the doctor
  // says so.
  void run();
  // In place of run(): the checks that the options ask for.
  void check();
  // 0, or 10 to 12 where checks, --probe or --ablate were asked for and found something; 0 where the run is broken on
  // purpose.
  int exit_code() const;
  const std::vector<AlertRow>& alerts() const { return doctor_->alerts(); }

 private:
  long steps_in_epoch() const { return batches_.in_epoch(); }
  long total_steps() const { return options_.epochs * steps_in_epoch(); }
  // A step that is done or, on a GPU, queued: what it measured is on its way, and logged one step later.
  struct QueuedStep {
    long step;
    double lr;
    Later loss;
    nn::Measured measured;
  };
  double step();  // the loss of the last one logged
  // What a step reads that the next one changes. Where steps are recorded: at places in device memory that stay.
  struct Inputs {
    Tensor images;
    Ids labels;
    RandomKey noise;
  };
  Inputs inputs(const DigitBatch& batch, long step);
  void log_step(QueuedStep& queued);
  void log_queued(size_t keep = 0);  // all but the last `keep`
  // Throws Interrupted on Ctrl-C, and then has logged nothing.
  TestResult test();
  void train();
  void log_plan();  // what the doctor can know beforehand
  void log_confusion(const TestResult& result);
  void ablate(const TestResult& whole);
  void save_last();
  void restore();
  std::string plan() const;
  void print_result(const TestResult& last);

  const MnistOptions options_;
  const Digits& digits_;
  DigitBatches batches_;
  DigitModel model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<LiveDoctor> doctor_;
  std::unique_ptr<nn::StepGraphs> graphs_;
  std::map<long, Inputs> places_;         // of recorded steps, for each number of digits
  std::unique_ptr<Storage> step_number_;  // where recorded steps read it
  std::string fingerprint_;               // of the digits

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
