// The training of a contact model: steps, validation, checkpoints, the run log.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autograd/later.h"
#include "graph/metrics.h"
#include "graph/protein.h"
#include "nn/ema.h"
#include "nn/optimizer.h"
#include "nn/step_graphs.h"
#include "tools/contacts/contact_model.h"
#include "tools/contacts/options.h"
#include "tools/doctor/live.h"
#include "tools/log/run_log.h"
#include "tools/train/checks.h"
#include "tools/train/probe.h"

namespace heartbeat {

// Two tables from counting, scored on the validation split: what every model is held against.
struct Baselines {
  Summary separation, prior;
};
Baselines print_baselines(const std::vector<Protein>& train, const std::vector<Protein>& valid);

// What the options ask for: the batches, and a model before its first step.
Sampler make_sampler(const TrainOptions& options, const std::vector<Protein>& proteins);
ContactModel fresh_model(const TrainOptions& options, const std::vector<Protein>& train,
                         const ClassStatistics& statistics, Device device, Dtype dtype = Dtype::f32);
// What --probe and the checks look at, see tools/train/.
ProbedBatch probed_batch(const ContactModel& model, const Batch& batch, const nn::Mode& mode, const Breakage& breakage);
MakeRehearsal contact_rehearsal(const TrainOptions& options, const std::vector<Protein>& train);

// Everything needed to continue is in last.safetensors; the averaged weights of the best validation are in
// best.safetensors.
class Training {
 public:
  // Starts a run in options.run_dir, or continues it. The proteins must outlive the training.
  Training(const TrainOptions& options, const std::vector<Protein>& train, const std::vector<Protein>& valid);

  // Trains until the time or the steps are over, validates and saves. Throws Interrupted after saving on Ctrl-C, and
  // Stopped where the doctor says so.
  void run(const Baselines& baselines);
  // In place of run(): the checks that the options ask for.
  void check();
  int exit_code() const;  // see exit_code_of_what_was_asked
  const std::vector<AlertRow>& alerts() const { return doctor_->alerts(); }

 private:
  bool finished() const;
  double progress() const;  // [0, 1] of the planned length
  bool validation_is_due() const;
  // A step that is done or, on a GPU, queued: what it measured is on its way, and logged one step later.
  struct QueuedStep {
    long step;
    double lr;
    Later loss;
    nn::Measured measured;
    std::function<std::vector<double>()> channel_losses;  // where they are due
  };
  double step();  // the loss of the last one logged
  // What a step reads: the batch itself or, where it is recorded or replayed, its places in device memory.
  struct Source {
    const ContactInputs* place = nullptr;
    nn::Mode mode;
  };
  Source source(const Batch& batch, const std::string& shape, long step);
  void log_step(QueuedStep& queued);
  void log_queued(size_t keep = 0);  // all but the last `keep`
  // Throws Interrupted on Ctrl-C, and then has logged nothing.
  Summary validate();
  void train();
  void log_plan();  // what the doctor can know beforehand
  void ablate();
  void save_last();
  void restore();
  void save_best(const ContactModel& model);
  void log_maps();
  // Weighs the best weights against the prior, saves and prints what they reach; last: of the final validation.
  void conclude(const Baselines& baselines, const Summary& last);
  void print_result(const Baselines& baselines, const Summary& best);

  const TrainOptions options_;
  const std::vector<Protein>&train_, &valid_;
  Sampler sampler_;
  ContactModel model_;
  nn::AdamW optimizer_;
  nn::Ema ema_;
  std::unique_ptr<nn::StepGraphs> graphs_;
  std::map<std::string, ContactInputs> places_;  // of recorded steps, for each shape
  std::unique_ptr<Storage> step_number_;         // where recorded steps read it
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<LiveDoctor> doctor_;

  // What a resumed run takes up again.
  struct State {
    long step = 0, validated_step = 0, best_step = 0;
    double seconds = 0, train_seconds = 0, validated_seconds = 0;  // train_seconds: without validation
    double smooth_loss = 0, best = -1;
  } state_;
  // Of this session.
  std::deque<QueuedStep> queued_;
  double loss_ = 0;                                 // of the last step logged
  double session_seconds_ = 0, watch_seconds_ = 0;  // of training, and of handing the heartbeat to the log
  long first_step_ = 0;
  bool explained_ = false;  // where the first number that is none came from
  double saved_ = 0;        // state_.seconds at the last save
};

}  // namespace heartbeat
