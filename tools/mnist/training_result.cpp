// What a training of digits says before and after.
#include <fmt/format.h>
#include <omp.h>

#include "autograd/pick_device.h"
#include "tools/common/progress.h"
#include "tools/mnist/training.h"
#include "tools/train/watch_log.h"

namespace heartbeat {

std::string DigitTraining::plan() const {
  long all = 0;
  std::string tensors;
  for (const auto& [name, tensor] : model_.parameters()) {
    tensors += (tensors.empty() ? " " : ", ") + name;
    all += tensor.numel();
  }
  const std::string rule = options_.optimizer == "sgd" ? fmt::format("sgd, momentum {}", options_.momentum) : "adam";
  return fmt::format("data   {} digits from {}; test {}\n", digits_.train.count(),
                     options_.data == "synthetic" ? "strokes" : options_.data, digits_.test.count()) +
         fmt::format("model  {}, {} parameters:{}\n", options_.model, all, tensors) +
         fmt::format("step   {} digits, {}, lr {}; {} steps an epoch\n", options_.batch_size, rule, options_.lr,
                     steps_in_epoch()) +
         fmt::format("run    {} epochs on the {}, {} threads, seed {}, into {}\n", options_.epochs, options_.device,
                     omp_get_max_threads(), options_.seed, options_.run_dir) +
         (options_.precision_note.empty() ? "" : fmt::format("floats {}\n", options_.precision_note));
}

void DigitTraining::print_result(const TestResult& last) {
  const double steps = double(state_.step - first_step_), per_step = steps ? step_seconds_ / steps : 0;
  fmt::print("\n{} steps{}, {} of training, {:.2f} ms a step, {:.0f} MiB of tensors at the peak\n", state_.step,
             first_step_ ? fmt::format(" ({} of them before --resume)", first_step_) : "",
             format_seconds(step_seconds_), 1000 * per_step,
             double(memory_report(pick_device(options_.device)).peak) / (1 << 20));
  fmt::print("test accuracy {:.2f} %, test loss {:.4f}; {}\n", 100 * last.accuracy, last.loss,
             state_.best_epoch
                 ? fmt::format("best after epoch {}: {:.2f} %", state_.best_epoch, 100 * state_.best_accuracy)
                 : "no test gave numbers");
  if (options_.watch == "none" || !steps) return;
  const auto make = [this](const nn::Parameters& p) { return make_optimizer(options_, p); };
  report_watch_cost(*log_, state_.step,
                    {.taking = seconds_of_watching(*optimizer_, make) / double(options_.watch_every),
                     .handing = watch_seconds_ / steps,
                     .writing = log_->writer_seconds() / steps,
                     .judging = doctor_->seconds() / steps},
                    per_step);
}

}  // namespace heartbeat
