#include "tools/mnist/options.h"

#include <CLI/CLI.hpp>

#include "kernels/common/error.h"
#include "tools/mnist/breakages.h"

namespace heartbeat {
namespace {

constexpr const char* kAbout =
    "Trains a small network on handwritten digits and records its heartbeat: histograms of every gradient, parameter\n"
    "and update at every step. The reference network carries a module that is fed with noise: find it in the "
    "report.\n\n"
    "  train_mnist --run-dir runs/digits --epochs 5                       draws its own digits\n"
    "  tools/fetch_data.sh mnist data/mnist                               gets the real ones\n"
    "  train_mnist --data data/mnist --run-dir runs/mnist --lr 0.1\n"
    "  heartbeat report runs/mnist -o runs/mnist/report.html\n\n"
    "The run directory receives run.db (the log), TensorBoard events, last.safetensors and best.safetensors. Ctrl-C\n"
    "finishes the step, saves and exits; --resume continues, to the bit.";

}  // namespace

MnistOptions parse_mnist_options(int argc, char** argv) {
  MnistOptions o;
  CLI::App app(kAbout, "train_mnist");
  app.add_option("--data", o.data,
                 "folder with MNIST's four files, plain or .gz; synthetic: digits drawn from strokes");
  add_run_options(app, o, digit_breakages());
  app.add_option("--epochs", o.epochs, "times to see every digit")->group("Run");
  app.add_option("--synthetic", o.synthetic, "digits to draw where none are given")
      ->check(CLI::Range(60L, 1'000'000L))
      ->group("Run");

  app.add_option("--model", o.model, "reference: two convolutions, two dense layers; mlp: two dense layers")
      ->check(CLI::IsMember({"reference", "mlp"}))
      ->group("Model");
  app.add_option("--noise-module", o.noise_module, "off: the reference network without the module fed with noise")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Model");

  app.add_option("--optimizer", o.optimizer, "update rule")->check(CLI::IsMember({"sgd", "adam"}))->group("Recipe");
  app.add_option("--lr", o.lr, "learning rate")->group("Recipe");
  app.add_option("--momentum", o.momentum, "of sgd")->group("Recipe");
  app.add_option("--weight-decay", o.weight_decay, "added to the gradients of weights, times the weight")
      ->group("Recipe");
  app.add_option("--batch-size", o.batch_size, "digits in one step")->group("Recipe");
  app.add_option("--test-batch-size", o.test_batch_size, "digits at a time when testing, for speed and memory")
      ->group("Recipe");

  add_watch_options(app, o);
  parse_options(app, argc, argv, o, digit_breakages());
  o.resolved = app.config_to_str(true, false);

  if (o.precision == "bf16")
    throw UserError("--precision bf16 is for train_contacts: the layers of images store no bf16; choose f32 or tf32");
  expect_positive(o.lr, "--lr");
  expect_positive(double(o.epochs), "--epochs");
  expect_positive(double(o.batch_size), "--batch-size");
  expect_positive(double(o.test_batch_size), "--test-batch-size");
  expect_not_negative(o.weight_decay, "--weight-decay");
  if (!(o.momentum >= 0 && o.momentum < 1)) throw UserError("--momentum must be in [0, 1)");
  if (o.momentum != 0 && o.optimizer != "sgd") throw UserError("--momentum is for --optimizer sgd; adam has its own");
  return o;
}

}  // namespace heartbeat
