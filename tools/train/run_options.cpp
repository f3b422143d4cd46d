#include "tools/train/run_options.h"

#include <CLI/CLI.hpp>

#include "autograd/pick_device.h"
#include "autograd/precision.h"
#include "kernels/common/error.h"
#include "tools/doctor/doctor.h"

namespace heartbeat {

void add_run_options(CLI::App& app, RunOptions& o, std::span<const Breakage> table) {
  app.set_config("--config", "", "read options from a TOML file; flags on the command line win");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--run-dir", o.run_dir, "directory for log, checkpoints and report")->required();
  app.add_option("--device", o.device, "where to compute; auto: on a GPU where one works")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->group("Run");
  app.add_option(
         "--graph", o.graph,
         "on a GPU, record a step whose sizes repeat as one CUDA graph and replay it; auto: where that works, on: "
         "or fail")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->group("Run");
  app.add_option("--precision", o.precision, kPrecisions)->check(CLI::IsMember({"f32", "tf32", "bf16"}))->group("Run");
  app.add_option("--seed", o.seed, "names every random number of the run")->check(CLI::NonNegativeNumber)->group("Run");
  app.add_flag("--resume", o.resume, "continue the run in --run-dir from last.safetensors")->group("Run");
  app.add_flag("--quiet", o.quiet, "no progress bar")->group("Run");
  app.add_option("--ablate", o.ablate, "at the end, measure the loss without this module, as rand_fc or fc1,fc2")
      ->group("Run");
  add_break_option(app, table, o.breakage.name)->group("Run");
}

namespace {

constexpr int kMany = 1000;  // values of a list; a resolved config says [] for none

void add_doctor_options(CLI::App& app, LiveDoctorOptions& o) {
  app.add_option("--doctor", o.doctor, "off: nobody judges the run while it trains")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Doctor");
  app.add_option("--silence", o.silence, "a rule that is not to speak, as R16, or as R16:fc1.* for some tensors")
      ->expected(0, kMany)
      ->group("Doctor");
  app.add_option("--limit", o.limits, "another limit of a rule, as R16.high=0.02; see heartbeat doctor --rules")
      ->expected(0, kMany)
      ->group("Doctor");
  const auto policy = [&](const char* flag, std::string& value, const char* what) {
    app.add_option(flag, value, what)->check(CLI::IsMember({"log", "pause", "stop", "roll-back"}))->group("Doctor");
  };
  policy("--on-warning", o.on_warning,
         "log; pause until SIGCONT; stop: save and end; roll-back: end and leave the last checkpoint as it is");
  policy("--on-error", o.on_error, "what to do about an error");
  policy("--on-fatal", o.on_fatal, "what to do when the run is lost");
}

}  // namespace

void add_watch_options(CLI::App& app, RunOptions& o) {
  app.add_option("--overfit-batch", o.overfit_batch,
                 "no training, but so many steps on one batch: can it be learned by heart? Such as 200")
      ->group("Checks");
  app.add_flag("--gradcheck", o.gradcheck, "no training, but backward against differences of the loss, in f64")
      ->group("Checks");
  app.add_option("--verify", o.verify, "no training, but so many steps twice: are they the same to the bit? Such as 20")
      ->group("Checks");
  add_doctor_options(app, o.doctor);
  app.add_option("--watch", o.watch, "what the heartbeat records")
      ->check(CLI::IsMember({"all", "gradients", "none"}))
      ->group("Heartbeat");
  app.add_option("--watch-filter", o.watch_filter, "only tensors whose name matches this glob")->group("Heartbeat");
  app.add_option("--watch-every", o.watch_every, "steps between records")->group("Heartbeat");
  app.add_option("--watch-activations", o.watch_activations,
                 "steps between looks at what leaves each layer: dead units, scale; 0: none")
      ->group("Heartbeat");
  app.add_option("--probe", o.probe,
                 "steps between probes, each as dear as three steps: half-batches, blank inputs, the loss along the "
                 "step; 0: none")
      ->group("Heartbeat");
  app.add_option("--tensorboard", o.tensorboard, "on: also write TensorBoard events, every scalar and some histograms")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Heartbeat");
  // A function, because an option without its value would take the default of a variable: "off". Where it is not given,
  // the resolved config says false.
  app.add_option_function<std::string>(
         "--serve",
         [&o](const std::string& place) { o.serve = place == "false"  ? "off"
                                                    : place == "true" ? ""
                                                                      : place; },
         "show the run live in a browser, at [ADDRESS:PORT] unless it is the usual one; off: do not")
      ->expected(0, 1)
      ->group("Heartbeat");
}

void parse_options(CLI::App& app, int argc, char** argv, RunOptions& o, std::span<const Breakage> table) {
  app.option_defaults()->always_capture_default();
  for (CLI::Option* option : app.get_options({})) option->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help
    app.exit(e);
    throw;
  }
  o.breakage = find_breakage(table, o.breakage.name);
  use_settings(o.breakage, app);
  expect_positive(double(o.watch_every), "--watch-every");
  expect_not_negative(double(o.watch_activations), "--watch-activations");
  expect_not_negative(double(o.probe), "--probe");
  expect_not_negative(double(o.overfit_batch), "--overfit-batch");
  expect_not_negative(double(o.verify), "--verify");
  if ((o.overfit_batch || o.verify || o.gradcheck) && o.resume)
    throw UserError("checks look at a run from its first step; leave out --resume, and give a new --run-dir");
  doctor_options(o.doctor.silence, o.doctor.limits);  // refuses what names no rule
  o.device = name_of(pick_device(o.device));
  if (const std::string reason = reason_against_graphs(o); o.graph == "on" && !reason.empty())
    throw UserError("--graph on: a step cannot be recorded, because " + reason + "; use --graph auto or off");
  o.precision_note = use_precision(o.precision, pick_device(o.device));
  app.get_option("--device")->clear();  // the resolved configuration says which device it was
  app.get_option("--device")->add_result(o.device);
}

std::string reason_against_graphs(const RunOptions& o) {
  if (o.graph == "off") return "--graph is off";
  if (o.device == "cpu") return "the run is on the cpu";
  if (!o.breakage.gradients.empty()) return "--break=" + o.breakage.name + " changes the gradients on the host";
  return "";
}

void expect_positive(double value, const char* flag) {
  if (!(value > 0) || value > 1e18) throw UserError(std::string(flag) + " must be a positive number, at most 1e18");
}

void expect_not_negative(double value, const char* flag) {
  if (!(value >= 0) || value > 1e18)
    throw UserError(std::string(flag) + " must be 0 or a positive number, at most 1e18");
}

}  // namespace heartbeat
