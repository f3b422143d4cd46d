// The training of a contact model: steps, validation, checkpoints, the run log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/metrics.h"
#include "graph/protein.h"
#include "nn/ema.h"
#include "nn/optimizer.h"
#include "tools/contacts/contact_model.h"
#include "tools/contacts/options.h"
#include "tools/log/run_log.h"

namespace heartbeat {

// Two tables from counting, scored on the validation split: what every model is held against.
struct Baselines {
  Summary separation, prior;
};
Baselines print_baselines(const std::vector<Protein>& train, const std::vector<Protein>& valid);

// Everything needed to continue is in last.safetensors; the averaged weights of the best validation are in
// best.safetensors.
class Training {
 public:
  // Starts a run in options.run_dir, or continues it. The proteins must outlive the training.
  Training(const TrainOptions& options, const std::vector<Protein>& train, const std::vector<Protein>& valid);

  // Trains until the time or the steps are over, validates and saves. Throws Interrupted after saving on Ctrl-C.
  void run(const Baselines& baselines);

 private:
  bool finished() const;
  double progress() const;  // [0, 1] of the planned length
  bool validation_is_due() const;
  void step();
  Summary validate();
  void save_last() const;
  void restore();
  void log_summary(const std::string& prefix, const Summary& summary);
  void log_maps();
  void print_result(const Baselines& baselines, const Summary& summary);

  const TrainOptions options_;
  const std::vector<Protein>&train_, &valid_;
  Sampler sampler_;
  ContactModel model_;
  nn::AdamW optimizer_;
  nn::Ema ema_;
  std::unique_ptr<RunLog> log_;

  // What a resumed run takes up again.
  struct State {
    long step = 0, validated_step = 0, best_step = 0;
    double seconds = 0, train_seconds = 0, validated_seconds = 0;  // train_seconds: without validation
    double smooth_loss = 0, best = -1;
  } state_;
  double watch_seconds_ = 0;  // of this session, spent on handing the heartbeat to the log
  long first_step_ = 0;
  std::unique_ptr<Summary> best_summary_;
};

}  // namespace heartbeat
