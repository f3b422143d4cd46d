// What the training of a classifier of digits keeps in files: its digits, and everything needed to continue.
#include <fmt/format.h>

#include "kernels/common/error.h"
#include "tools/mnist/training.h"
#include "tools/train/run_files.h"

namespace heartbeat {
namespace {

constexpr std::uint64_t kTrainDigits = 1, kTestDigits = 2;  // seeds of synthetic digits, the same in every run

}  // namespace

Digits load_digits(const MnistOptions& o) {
  if (o.data != "synthetic") return read_digits(o.data);
  const std::string folder = o.run_dir + "/digits";
  write_digits(folder, {draw_digits(o.synthetic, kTrainDigits), draw_digits(o.synthetic / 6, kTestDigits)});
  return read_digits(folder);
}

void DigitTraining::save_last() {
  log_queued();
  nn::Parameters tensors = model_.parameters();
  const nn::Parameters state = optimizer_->state();
  tensors.insert(tensors.end(), state.begin(), state.end());
  save_training(options_, *log_, tensors, model_.config_json(),
                {{"step", state_.step},
                 {"tested_step", state_.tested_step},
                 {"best_epoch", state_.best_epoch},
                 {"best_accuracy", state_.best_accuracy},
                 {"best_loss", state_.best_loss},
                 {"smooth_loss", state_.smooth_loss},
                 {"batch_size", options_.batch_size},
                 {"data", fingerprint_}});
}

void DigitTraining::restore() {
  const auto [file, json] = read_training(options_, model_.config_json());
  if (json.value("data", "") != fingerprint_)
    throw UserError("--resume: the run was trained on other digits than --data " + options_.data +
                    " gives; give those it was started with");
  if (const long before = json.value("batch_size", 0L); before != options_.batch_size)
    throw UserError(
        fmt::format("--resume: the run has batches of {}, but the options ask for {}", before, options_.batch_size));
  nn::load_into(model_.parameters(), file);
  optimizer_->load_state(file.tensors);
  state_.step = json.value("step", 0L);
  state_.tested_step = json.value("tested_step", 0L);
  state_.best_epoch = json.value("best_epoch", 0L);
  state_.best_accuracy = json.value("best_accuracy", -1.0);
  state_.best_loss = json.value("best_loss", 0.0);
  state_.smooth_loss = json.value("smooth_loss", 0.0);
  if (state_.step >= total_steps() && state_.tested_step == state_.step)
    throw UserError(fmt::format("--resume: the run in {} is finished after {} epochs; to train on, give more --epochs",
                                options_.run_dir, state_.step / steps_in_epoch()));
}

}  // namespace heartbeat
