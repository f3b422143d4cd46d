// What a training keeps in files: the best weights, and everything needed to continue.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "graph/counter_random.h"
#include "kernels/common/error.h"
#include "nn/checkpoint.h"
#include "tools/contacts/training.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLast = "last.safetensors";
constexpr const char* kBest = "best.safetensors";

// Names the proteins a run is trained and validated on, in their order.
std::string fingerprint(const std::vector<Protein>& train, const std::vector<Protein>& valid) {
  std::string text;
  for (const auto* proteins : {&train, &valid})
    for (const Protein& p : *proteins)
      text += fmt::format("{} {} {}\n", p.id, p.contacts.size(), std::string(p.sequence.begin(), p.sequence.end()));
  return fmt::format("{:016x}", hash_of(text));
}

}  // namespace

std::string Training::best_path() const {
  return fs::path(options_.run_dir) / kBest;
}

void Training::save_best(const ContactModel& model) {
  nn::Parameters tensors = model.network.parameters();
  for (const auto& extra : model.extra_tensors()) tensors.push_back(extra);
  nn::save_checkpoint(best_path(), tensors,
                      {{"model", model.config_json()}, {"step", std::to_string(state_.best_step)}});
}

void Training::save_last() {
  log_->flush();
  nn::Parameters tensors = model_.network.parameters();
  for (const auto& group : {ema_.state(), optimizer_.state(), model_.extra_tensors()})
    tensors.insert(tensors.end(), group.begin(), group.end());
  // Times only where they decide the length: runs of equal length in steps leave equal bytes.
  nlohmann::json state = {{"step", state_.step},
                          {"validated_step", state_.validated_step},
                          {"best_step", state_.best_step},
                          {"smooth_loss", state_.smooth_loss},
                          {"best", state_.best},
                          {"seed", options_.seed},
                          {"data", fingerprint(train_, valid_)}};
  if (options_.max_minutes) state["seconds"] = {state_.seconds, state_.train_seconds, state_.validated_seconds};
  nn::save_checkpoint(fs::path(options_.run_dir) / kLast, tensors,
                      {{"model", model_.config_json()}, {"state", state.dump()}});
  saved_ = state_.seconds;
}

void Training::restore() {
  const fs::path path = fs::path(options_.run_dir) / kLast;
  if (!fs::exists(path))
    throw UserError("--resume: " + path.string() + " does not exist; start a run without --resume in a new --run-dir");
  const nn::Checkpoint file = nn::read_checkpoint(path);
  const auto model = file.metadata.find("model"), state = file.metadata.find("state");
  if (model == file.metadata.end() || state == file.metadata.end())
    throw UserError("--resume: " + path.string() + " holds no training state of this program");
  if (model->second != model_.config_json())
    throw UserError("--resume: " + path.string() + " is a model " + model->second + ", but the options ask for " +
                    model_.config_json());
  const auto json = nlohmann::json::parse(state->second, nullptr, false);
  if (!json.is_object()) throw UserError("--resume: the training state in " + path.string() + " is damaged");
  if (json.value("seed", options_.seed) != options_.seed)
    throw UserError(fmt::format("--resume: the run has seed {}, but the options ask for {}",
                                json.value("seed", std::uint64_t(0)), options_.seed));
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
