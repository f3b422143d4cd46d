#include "tools/contacts/options.h"

#include <CLI/CLI.hpp>

#include "kernels/common/error.h"
#include "tools/contacts/breakages.h"

namespace heartbeat {
namespace {

constexpr const char* kAbout =
    "Trains a contact model on a prepared data set and records its heartbeat: histograms of every gradient, parameter\n"
    "and update at every step.\n\n"
    "  train_contacts --data contacts.db --run-dir runs/first --max-minutes 20\n"
    "  heartbeat report runs/first -o runs/first/report.html\n\n"
    "The run directory receives run.db (the log), TensorBoard events, last.safetensors and best.safetensors. Ctrl-C\n"
    "finishes the step, saves and exits; --resume continues, to the bit where the length is given in steps.";

}  // namespace

TrainOptions parse_train_options(int argc, char** argv) {
  TrainOptions o;
  CLI::App app(kAbout, "train_contacts");
  app.add_option("--data", o.data, "data set made by prepare_contacts")->required();
  add_run_options(app, o, contact_breakages());
  app.add_option("--max-minutes", o.max_minutes,
                 "stop after this long, validation included; 20 where no --max-steps is given")
      ->group("Run");
  app.add_option("--max-steps", o.max_steps, "stop after this many steps: such a run repeats to the bit")->group("Run");

  app.add_option("--size", o.size, "T 0.37, S 1.6 or M 2.8 million parameters")
      ->check(CLI::IsMember({"T", "S", "M"}))
      ->group("Model");
  app.add_option("--encoder", o.encoder, "graph network over residues")
      ->check(CLI::IsMember({"relation", "ggn", "gcn"}))
      ->group("Model");
  app.add_option("--trunk", o.trunk, "pairs: convolutions and triangles over pairs; none: score pairs directly")
      ->check(CLI::IsMember({"pairs", "none"}))
      ->group("Model");
  app.add_option("--tie", o.tie, "transpose: symmetric pair kernels, a third less arithmetic")
      ->check(CLI::IsMember({"none", "transpose"}))
      ->group("Model");
  app.add_option("--prior", o.prior, "on: logits start from counted log-odds")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Model");
  app.add_option("--noise-module", o.noise_module, "on: the article's module that is fed with noise, see --break=noise")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Model");
  app.add_option("--dropout", o.dropout, "rate in the trunk")->group("Model");

  app.add_option("--lr", o.lr, "peak learning rate")->group("Recipe");
  app.add_option("--weight-decay", o.weight_decay, "decoupled decay of matrices")->group("Recipe");
  app.add_option("--warmup", o.warmup, "share of the run in which the rate rises to its peak")->group("Recipe");
  app.add_option("--clip", o.clip, "largest global gradient norm; 0: no clipping")->group("Recipe");
  app.add_option("--ema", o.ema, "decay of the averaged weights that are validated and kept; 0: none")->group("Recipe");
  app.add_option("--pairs-per-batch", o.pairs_per_batch, "pairs in one step")->group("Recipe");
  app.add_option("--crop", o.crop, "longest piece of a protein in training, residues; 0: whole")->group("Recipe");
  app.add_flag("--recompute", o.recompute,
               "keep one tensor for each trunk block and compute the rest again in backward")
      ->group("Recipe");
  CLI::Option* eval_minutes =
      app.add_option("--eval-minutes", o.eval_minutes, "minutes between validations; 0: only at the end")
          ->group("Recipe");
  app.add_option(
         "--eval-steps", o.eval_steps,
         "steps between validations, instead of minutes; a fifth of --max-steps where that alone gives the length")
      ->group("Recipe");

  add_watch_options(app, o);
  parse_options(app, argc, argv, o, contact_breakages());
  if (!o.max_minutes && !o.max_steps) o.max_minutes = 20;
  // A run that repeats to the bit must not validate by the clock.
  if (!o.max_minutes && !o.eval_steps && !eval_minutes->count()) o.eval_steps = (o.max_steps + 4) / 5;
  o.resolved = app.config_to_str(true, false);

  const auto refuse = [](bool wrong, const std::string& sentence) {
    if (wrong) throw UserError(sentence);
  };
  expect_positive(o.lr, "--lr");
  expect_positive(double(o.pairs_per_batch), "--pairs-per-batch");
  expect_not_negative(o.max_minutes, "--max-minutes");
  expect_not_negative(double(o.max_steps), "--max-steps");
  expect_not_negative(o.eval_minutes, "--eval-minutes");
  expect_not_negative(double(o.eval_steps), "--eval-steps");
  refuse(!(o.dropout >= 0 && o.dropout < 1), "--dropout must be in [0, 1)");
  refuse(!(o.ema >= 0 && o.ema < 1), "--ema must be in [0, 1)");
  expect_not_negative(o.weight_decay, "--weight-decay");
  expect_not_negative(o.clip, "--clip");
  refuse(o.crop != 0 && o.crop < 32, "--crop must be 0 (whole proteins) or at least 32 residues");
  refuse(!(o.warmup >= 0 && o.warmup <= 1), "--warmup is a share of the run, in [0, 1]");
  return o;
}

}  // namespace heartbeat
