// Checks in place of a training: does one batch go into the model, is backward right, does the seed name everything?
// Each prints what it found in a line and logs scalars check/... at step 0, which rules of the doctor judge.
#pragma once

#include <functional>
#include <memory>

#include "nn/optimizer.h"
#include "tools/log/run_log.h"
#include "tools/train/run_options.h"

namespace heartbeat {

// A training at its first step, as the trainer's options make it: fresh weights, the batches of the run.
class Rehearsal {
 public:
  virtual ~Rehearsal() = default;
  virtual nn::Parameters parameters() const = 0;
  // Of the batch of a step, counted from 0, with what the training adds: noise, and dropout unless it is plain.
  virtual Tensor loss(long step, bool plain) const = 0;
  virtual void update(long step) = 0;  // by the optimizer
};
// small: few examples, and f64 on the CPU.
using MakeRehearsal = std::function<std::unique_ptr<Rehearsal>(bool small)>;

bool wants_checks(const RunOptions& options);
// Those that the options ask for. Ctrl-C throws Interrupted.
void run_checks(const RunOptions& options, const MakeRehearsal& make, RunLog& log);

// Of a trainer: 0, or 10 to 12 where a check, --probe or --ablate was asked for and its rules found something; 0 where
// the run is broken on purpose.
int exit_code_of_what_was_asked(const RunOptions& options, const std::vector<AlertRow>& alerts);

// check/overfit/steps, /first and /last: so many steps on the first batch, without dropout; the loss of the first step,
// and the mean of the last ten.
void check_overfit(const MakeRehearsal& make, long steps, RunLog& log);
// check/gradient/<tensor>: the slope of the loss along one direction, half gradient and half random, from central
// differences and from backward; their distance over the larger. In f64, where 1e-7 is usual and 1e-4 is wrong.
void check_gradient(const MakeRehearsal& make, std::uint64_t seed, RunLog& log);
// check/differs/<tensor>: values that differ between two trainings from one seed after the first step at which any
// does, check/differ_at; nothing where none does within so many steps. The loss counts as a tensor.
void check_repeats(const MakeRehearsal& make, long steps, RunLog& log);

}  // namespace heartbeat
