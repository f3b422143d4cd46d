// What a training keeps in files: the best weights, and everything needed to continue.
#include <fmt/format.h>

#include "graph/counter_random.h"
#include "kernels/common/error.h"
#include "tools/contacts/training.h"
#include "tools/train/run_files.h"

namespace heartbeat {
namespace {

// Names the proteins a run is trained and validated on, in their order.
std::string fingerprint(const std::vector<Protein>& train, const std::vector<Protein>& valid) {
  std::string text;
  for (const auto* proteins : {&train, &valid})
    for (const Protein& p : *proteins)
      text += fmt::format("{} {} {}\n", p.id, p.contacts.size(), std::string(p.sequence.begin(), p.sequence.end()));
  return fmt::format("{:016x}", hash_of(text));
}

}  // namespace

void Training::save_best(const ContactModel& model) {
  nn::Parameters tensors = model.network.parameters();
  for (const auto& extra : model.extra_tensors()) tensors.push_back(extra);
  nn::save_checkpoint(
      best_checkpoint(options_), tensors,
      with_precision({{"model", model.config_json()}, {"step", std::to_string(state_.best_step)}}, options_));
}

void Training::save_last() {
  log_queued();
  nn::Parameters tensors = model_.network.parameters();
  for (const auto& group : {ema_.state(), optimizer_.state(), model_.extra_tensors()})
    tensors.insert(tensors.end(), group.begin(), group.end());
  // Times only where they decide the length: runs of equal length in steps leave equal bytes.
  nlohmann::json state = {{"step", state_.step},           {"validated_step", state_.validated_step},
                          {"best_step", state_.best_step}, {"smooth_loss", state_.smooth_loss},
                          {"best", state_.best},           {"data", fingerprint(train_, valid_)}};
  if (options_.max_minutes) state["seconds"] = {state_.seconds, state_.train_seconds, state_.validated_seconds};
  save_training(options_, *log_, tensors, model_.config_json(), state);
  saved_ = state_.seconds;
}

void Training::restore() {
  const auto [file, json] = read_training(options_, model_.config_json());
  if (json.value("data", "") != fingerprint(train_, valid_))
    throw UserError("--resume: the run was trained on other proteins than " + options_.data +
                    " holds; give the data set it was started with");
  nn::load_into(model_.network.parameters(), file);
  ema_.load_state(file.tensors);
  optimizer_.load_state(file.tensors);
  state_.step = json.value("step", 0L);
  state_.validated_step = json.value("validated_step", 0L);
  state_.best_step = json.value("best_step", 0L);
  state_.smooth_loss = json.value("smooth_loss", 0.0);
  state_.best = json.value("best", -1.0);
  const auto seconds = json.value("seconds", std::vector<double>{0, 0, 0});
  if (seconds.size() == 3)
    state_.seconds = seconds[0], state_.train_seconds = seconds[1], state_.validated_seconds = seconds[2];
  saved_ = state_.seconds;
  if (finished() && state_.validated_step == state_.step)
    throw UserError(fmt::format("--resume: the run in {} is finished after {} steps; to train on, give a larger {}",
                                options_.run_dir, state_.step, options_.max_steps ? "--max-steps" : "--max-minutes"));
}

}  // namespace heartbeat
