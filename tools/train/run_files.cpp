#include "tools/train/run_files.h"

#include <fmt/format.h>
#include <omp.h>

#include "kernels/common/error.h"

namespace heartbeat {

namespace fs = std::filesystem;

void expect_startable(const RunOptions& o) {
  if (!o.resume) return RunLog::expect_none(o.run_dir);
  const fs::path path = last_checkpoint(o);
  if (!fs::exists(path))
    throw UserError("--resume: " + path.string() + " does not exist; start a run without --resume in a new --run-dir");
}

RunLog open_run_log(const RunOptions& o, const std::string& program, long total_steps, long last_step,
                    const RunLog::Meta& more) {
  RunLogOptions options;
  options.total_steps = total_steps;
  options.tensorboard = o.tensorboard == "on";
  if (o.resume) return RunLog::resume(o.run_dir, last_step, options);
  const std::string name = fs::path(o.run_dir).lexically_normal().filename().string();
  RunLog::Meta meta = {
      {"program", program}, {"name", name.empty() ? o.run_dir : name},          {"seed", std::to_string(o.seed)},
      {"device", o.device}, {"threads", std::to_string(omp_get_max_threads())}, {"config", o.resolved}};
  if (o.breakage) meta["break"] = o.breakage.name;
  meta.insert(more.begin(), more.end());
  return RunLog(o.run_dir, meta, options);
}

void announce_breakage(const RunOptions& o, RunLog& log) {
  if (!o.breakage) return;
  fmt::print("{}\n\n", o.breakage.sentence());
  if (!o.resume) log.note(0, "break", o.breakage.sentence());
}

fs::path last_checkpoint(const RunOptions& o) {
  return fs::path(o.run_dir) / "last.safetensors";
}
fs::path best_checkpoint(const RunOptions& o) {
  return fs::path(o.run_dir) / "best.safetensors";
}

nn::Metadata with_precision(nn::Metadata metadata, const RunOptions& o) {
  if (o.precision != "f32") metadata[kPrecisionKey] = o.precision;
  return metadata;
}

void save_training(const RunOptions& o, RunLog& log, const nn::Parameters& tensors, const std::string& model,
                   nlohmann::json state) {
  log.flush();
  state["seed"] = o.seed;
  if (o.breakage) state["break"] = o.breakage.name;
  nn::save_checkpoint(last_checkpoint(o), tensors, with_precision({{"model", model}, {"state", state.dump()}}, o));
}

SavedTraining read_training(const RunOptions& o, const std::string& model) {
  expect_startable(o);
  const std::string path = last_checkpoint(o).string();
  SavedTraining saved{nn::read_checkpoint(path), {}};
  const nn::Metadata& metadata = saved.file.metadata;
  const auto known_model = metadata.find("model"), state = metadata.find("state");
  if (known_model == metadata.end() || state == metadata.end())
    throw UserError("--resume: " + path + " holds no training state of this program");
  const auto stored = metadata.find(kPrecisionKey);
  if (const std::string precision = stored == metadata.end() ? "f32" : stored->second; precision != o.precision)
    throw UserError(
        fmt::format("--resume: the run has --precision {}, but the options ask for {}; give the same, or "
                    "start a run of its own",
                    precision, o.precision));
  if (known_model->second != model)
    throw UserError("--resume: " + path + " is a model " + known_model->second + ", but the options ask for " + model);
  saved.state = nlohmann::json::parse(state->second, nullptr, false);
  if (!saved.state.is_object()) throw UserError("--resume: the training state in " + path + " is damaged");
  if (saved.state.value("seed", o.seed) != o.seed)
    throw UserError(fmt::format("--resume: the run has seed {}, but the options ask for {}",
                                saved.state.value("seed", std::uint64_t(0)), o.seed));
  if (const std::string name = saved.state.value("break", ""); name != o.breakage.name)
    throw UserError(
        fmt::format("--resume: the run has --break={}, but the options ask for --break={}", name, o.breakage.name));
  return saved;
}

}  // namespace heartbeat
