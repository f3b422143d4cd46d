// SGD and AdamW over named parameters: one pass updates all tensors and takes the heartbeat of the step.
//
//   nn::AdamW optimizer(model.parameters(), {.weight_decay = 0.01, .max_norm = 1}, {.beta2 = 0.99});
//   optimizer.zero_grad();
//   backward(loss);
//   optimizer.step(schedule.at(progress), &frame);
#pragma once

#include <compare>
#include <map>
#include <memory>

#include "kernels/adamw/adamw.h"
#include "kernels/common/chunk_table.h"
#include "kernels/common/optimizer_step.h"
#include "nn/measured.h"
#include "nn/module.h"
#include "nn/watch.h"

namespace heartbeat::nn {

struct OptimizerOptions {
  double weight_decay = 0;
  // Tensors with fewer than two axes (biases, norm gains) never decay, nor do those whose names match.
  std::string no_decay = "*bias*,*embedding*";
  double max_norm = 0;  // clips the global gradient norm; 0 never clips
  // Leave values, state and step counts alone when the norm is NaN or Inf. Off by default, so that a failure shows
  // where it happens; the watch counts NaN and Inf either way.
  bool skip_non_finite = false;
  bool zero_gradients = false;  // by the pass itself, which replaces zero_grad() but leaves zeros instead of nothing
};

// A parameter that has no gradient at a step, or does not want one, is left alone: no decay, no momentum, no step
// count. Parameters that share storage are one tensor with aliases. All are of one dtype and on one device.
class Optimizer {
 public:
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  struct Report {
    double global_norm = 0, clip_factor = 1;
    bool skipped = false;
  };
  // frame, when given, is overwritten. Without it the norm is computed only when clipping or skipping asks for it.
  Report step(double lr, WatchFrame* frame = nullptr);
  // The same without waiting for a GPU, which brings what it measured behind the step. watched: also the frame's
  // histograms. skip_non_finite waits all the same.
  Measured queue_step(double lr, bool watched);

  // The three parts of queue_step() on a GPU, so that the one in the middle can be recorded once and replayed.
  // What of a step is wanted.
  struct Plan {
    bool norm = false, norm_from_watch = false;
    bool gradient = false, all = false, clipped = false;  // histograms; all: of parameters and updates too
    auto operator<=>(const Plan&) const = default;
  };
  struct Update {
    Plan plan;
    std::vector<bool> reached;  // tensors that have a gradient
  };
  Plan plan(bool watched) const;         // of the next step
  Update update_of(bool watched) const;  // of the next step, with the gradients that are there now
  // Counts the step, and brings to its place in device memory what no other step has: rates and corrections.
  void begin_step(double lr, const Update& update);
  // Queues norm, update and histograms, which read and write at places that never change.
  void queue_update(const Update& update);
  Measured end_step(const Update& update);  // sends for what they measured

  void zero_grad();  // drops all gradients: what is not reached by the next backward has none
  void watch(const WatchOptions& options);

  const std::vector<WatchedTensor>& tensors() const { return info_; }
  Device device() const { return device_; }
  long steps() const { return steps_; }  // calls of step() so far, skipped ones included

  // State as named tensors that share storage with the optimizer, "optimizer.<parameter>.<part>" and "optimizer.step".
  Parameters state() const;
  // Copies a state exported by the same kind of optimizer over the same parameters. Throws UserError where it does not
  // fit, and then has changed nothing.
  void load_state(const Parameters& state);

 protected:
  // parts: names of the state tensors of a parameter, each of its shape and starting at zero. rates: how many numbers
  // rates() gives, at most.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options, std::vector<std::string> parts,
            std::size_t rates);

  struct Entry {
    Tensor value;
    std::vector<Tensor> state;  // in the order of parts
    Tensor step;                // f64 scalar: updates of this tensor so far
    double weight_decay = 0;
  };
  // What of an update changes from step to step.
  virtual std::vector<double> rates(double lr) const = 0;
  // device_rates: the same in the memory of a GPU, read instead of lr and the steps of the tensors; null on the CPU.
  virtual void update(double lr, const double* device_rates, const StepOptions& options, const Watch& watch) = 0;

  // The gradient that step() uses, null where there is none.
  template <class T>
  T* gradient_of(size_t t) const {
    const Tensor& x = entries_[t].value;
    return x.needs_grad() && x.has_grad() ? x.grad<T>().data : nullptr;
  }

  template <class T>
  std::vector<const T*> gradients() const {
    std::vector<const T*> all;
    for (size_t t = 0; t < entries_.size(); ++t) all.push_back(gradient_of<T>(t));
    return all;
  }

  Dtype dtype_ = Dtype::f32;
  Device device_ = Device::cpu;
  std::vector<Entry> entries_;
  std::vector<WatchedTensor> info_;
  ChunkTable table_;

 private:
  WatchFrame next_frame(double lr);
  void count_update(const Update& update);
  void update_on_cpu(const Update& update, WatchFrame& frame);
  void queue_norm(const Update& update);

  OptimizerOptions options_;
  std::vector<std::string> parts_;
  WatchOptions watch_;
  long steps_ = 0;
  // On a GPU:
  std::unique_ptr<class FrameRing> ring_;
  std::unique_ptr<Storage> rates_;
  WatchFrame begun_;  // what the host knows of the step between begin_step() and end_step()
};

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
};
class Sgd : public Optimizer {
 public:
  explicit Sgd(const Parameters& parameters, const OptimizerOptions& options = {}, const SgdOptions& sgd = {});

 private:
  std::vector<double> rates(double lr) const override { return {lr}; }
  void update(double lr, const double* device_rates, const StepOptions& options, const Watch& watch) override;
  SgdOptions sgd_;
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = true;  // false: plain Adam, decay added to the gradient
};
class AdamW : public Optimizer {
 public:
  explicit AdamW(const Parameters& parameters, const OptimizerOptions& options = {}, const AdamWOptions& adamw = {});

 private:
  std::vector<double> rates(double lr) const override;
  void update(double lr, const double* device_rates, const StepOptions& options, const Watch& watch) override;
  kernels::AdamwRule rule(double lr) const;
  AdamWOptions adamw_;
};

}  // namespace heartbeat::nn
