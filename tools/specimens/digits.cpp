// Specimens of train_mnist, on digits drawn from strokes.
#include "tools/specimens/digits.h"

#include <cmath>
#include <random>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "graph/counter_random.h"
#include "tools/mnist/breakages.h"
#include "tools/mnist/training.h"
#include "tools/specimens/quiet.h"

namespace heartbeat {
namespace digit_runs {
namespace {

struct DigitRun {
  MnistOptions options;
  long train = 320, test = 200;                            // digits
  std::function<void(Digits&, std::uint64_t)> spoil = {};  // given the seed
};

// Batches of 16; unless told otherwise two dense layers, which step in a millisecond.
DigitRun little(long epochs, double lr = 0.05) {
  DigitRun run;
  run.options.model = "mlp";
  run.options.epochs = epochs;
  run.options.batch_size = 16;
  run.options.lr = lr;
  return run;
}

DigitRun convolutions(long epochs, double lr = 0.05) {
  DigitRun run = little(epochs, lr);
  run.options.model = "reference";
  run.options.noise_module = "off";
  return run;
}

DigitRun broken(DigitRun run, Breakage breakage) {
  breakage.name = "specimen";
  breakage.broken = breakage.look = "A specimen.";
  run.options.breakage = std::move(breakage);
  return run;
}

DigitRun with(DigitRun run, const std::function<void(DigitRun&)>& change) {
  change(run);
  return run;
}

// A preset, with the settings that it brings.
DigitRun preset(const std::string& name, DigitRun run) {
  run.options.breakage = find_breakage(digit_breakages(), name);
  for (const auto& [flag, value] : run.options.breakage.settings) {
    if (flag == "--lr") run.options.lr = std::stod(value);
    if (flag == "--weight-decay") run.options.weight_decay = std::stod(value);
    if (flag == "--noise-module") run.options.noise_module = value;
    if (flag == "--ablate") run.options.ablate = value;
  }
  return run;
}

std::vector<AlertRow> train(const DigitRun& run, const std::string& directory, std::uint64_t seed) {
  const Quiet quiet;
  MnistOptions options = run.options;
  options.run_dir = directory;
  options.seed = seed;
  options.quiet = true;
  options.tensorboard = "off";
  Digits digits{draw_digits(run.train, 2 * seed + 1), draw_digits(run.test, 2 * seed + 2)};
  if (run.spoil) run.spoil(digits, seed);
  DigitTraining training(options, digits);
  wants_checks(options) ? training.check() : training.run();
  return training.alerts();
}

void shuffle_labels(Digits& digits, std::uint64_t seed) {
  CounterRandom draw({seed, 1});
  for (DigitSet* set : {&digits.train, &digits.test})
    for (std::uint8_t& label : set->labels) label = std::uint8_t(draw.below(kDigitClasses));
}

void invert(Digits& digits, std::uint64_t) {
  for (DigitSet* set : {&digits.train, &digits.test})
    for (std::uint8_t& pixel : set->pixels) pixel = std::uint8_t(255 - pixel);
}

// Hardly any digits but 0 and 1, and one of each other.
void unbalance(Digits& digits, std::uint64_t) {
  DigitSet kept;
  std::vector<long> seen(kDigitClasses);
  for (long k = 0; k < digits.train.count(); ++k) {
    const int label = digits.train.labels[k];
    if (label > 1 && seen[label]++ > 0) continue;
    kept.labels.push_back(std::uint8_t(label));
    const auto from = digits.train.pixels.begin() + k * kDigitPixels;
    kept.pixels.insert(kept.pixels.end(), from, from + kDigitPixels);
  }
  digits.train = std::move(kept);
}

void exchange_threes_and_fives(Digits& digits, std::uint64_t) {
  for (std::uint8_t& label : digits.train.labels) label = label == 3 ? 5 : label == 5 ? 3 : label;
}

// What can become of logits [n, classes] on their way to the loss.

// Each example's are held against the label of another, a different one at every pass.
Tensor rolled(const Tensor& z) {
  static long passes = 0;
  const long n = z.rows(), by = 1 + ++passes % std::max(1L, n - 1);
  std::vector<double> permutation(std::size_t(n * n), 0);
  for (long i = 0; i < n; ++i) permutation[std::size_t(i * n + (i + by) % n)] = 1;
  return matmul(Tensor::from({n, n}, permutation, z.dtype()), z);
}

// Less their mean over the batch.
Tensor centred(const Tensor& z) {
  const Ids all = std::make_shared<const std::vector<int>>(std::vector<int>{0, int(z.rows())});
  return add_bias(z, scale(segment_mean(z, all).reshape({z.cols()}), -1));
}

// The same, with a backward that is a tenth too large.
Tensor with_wrong_backward(const Tensor& z) {
  Tensor y = z.detach().copy();
  if (tape().wants(z))
    tape().record("wrong_backward", y, [z, y] {
      dispatch_wide("wrong_backward", Device::cpu, z.dtype(), [&]<class T>(auto, Type<T>) {
        for (long e = 0; e < z.numel(); ++e) z.grad<T>().data[e] += T(1.1) * y.grad<T>().data[e];
      });
    });
  return y;
}

Tensor with_unseeded_dropout(const Tensor& z) {
  return dropout(z, 0.5, {.seed = std::random_device{}()});
}

Tensor every_other_twentyfold(const Tensor& loss, long) {
  static long passes = 0;
  return ++passes % 2 ? loss : scale(loss, 20);
}

// One more dense layer, right behind the last.
Tensor through_another_layer(const Tensor& z) {
  std::vector<double> identity(std::size_t(z.cols() * z.cols()), 0);
  for (long c = 0; c < z.cols(); ++c) identity[std::size_t(c * z.cols() + c)] = 1;
  return matmul_transposed(z, Tensor::from({z.cols(), z.cols()}, identity, z.dtype()));
}

DigitRun probed(DigitRun run, long every = 1) {
  run.options.probe = every;
  return run;
}

Specimen specimen(const std::string& name, std::vector<std::string> rules, DigitRun run) {
  const std::string chosen = run.options.breakage.name == "specimen" ? "" : run.options.breakage.name;
  return {"digits, " + name, std::move(rules), chosen, run.options.doctor.limits,
          [run](const std::string& directory, std::uint64_t seed) { return train(run, directory, seed); }};
}

}  // namespace
}  // namespace digit_runs

std::vector<Specimen> digit_specimens() {
  using namespace digit_runs;
  std::vector<Specimen> all;
  const auto add = [&](const std::string& name, std::vector<std::string> rules, DigitRun run) {
    all.push_back(specimen(name, std::move(rules), std::move(run)));
  };
  // Healthy.
  add("dense layers", {}, with(little(2), [](auto& r) { r.train = 1600; }));
  add("the article's network", {},
      with(convolutions(3), [](auto& r) { r.train = 1280, r.options.noise_module = "on"; }));
  add("without the noise module", {}, with(convolutions(3), [](auto& r) { r.train = 1280; }));
  add("momentum", {}, with(convolutions(3, 0.01), [](auto& r) { r.train = 960, r.options.momentum = 0.9; }));
  add("adam", {}, with(convolutions(3, 0.001), [](auto& r) { r.train = 960, r.options.optimizer = "adam"; }));
  add("activations watched", {},
      with(convolutions(2), [](auto& r) { r.train = 960, r.options.watch_activations = 2; }));
  add("probed", {}, probed(little(1, 0.05), 4));
  add("checked", {}, with(convolutions(1), [](auto& r) {
        r.options.gradcheck = true, r.options.verify = 5, r.options.overfit_batch = 100;
      }));
  // The article's failures. Two layers overflow later than four, and so are given more decay.
  add("preset", {"R33", "R32"}, preset("mean", little(6)));
  add("preset", {"R05", "R04", "R01", "R02", "R03"},
      with(preset("overflow", little(5, 0.01)), [](auto& r) { r.options.weight_decay = 220; }));
  add("preset", {"R15", "R26"}, preset("lr", little(10)));
  add("preset", {"R38"}, preset("noise", with(convolutions(3), [](auto& r) { r.train = 1280; })));
  add("preset", {"R56"}, preset("variance-up", with(little(18, 0.01), [](auto& r) { r.train = 320; })));
  add("preset", {"R57", "R26"}, preset("stuck", little(10, 0.01)));
  add("preset", {"R58"}, preset("scale-gap", convolutions(5, 0.01)));
  // One rule each.
  add("a rate of 1e4", {"R01"}, little(2, 1e4));
  add("a gradient that doubles until it is infinite", {"R02"},
      broken(little(3), {.gradients = {{"fc2.weight", 1, 0.2}}}));
  add("a bias that is NaN", {"R03"}, broken(little(1), {.initial = {{"fc2.bias", NAN}}}));
  add("a layer that is NaN", {"R04"}, broken(little(1), {.initial = {{"fc1.weight", NAN}}}));
  add("a decay that overshoots", {"R05", "R41"}, with(little(2, 0.01), [](auto& r) { r.options.weight_decay = 250; }));
  add("a last layer of 1e-10", {"R07", "R08"}, broken(little(2, 1e-9), {.initial = {{"fc2.weight", 1e-10}}}));
  add("a small first layer below a large last one", {"R09"},
      broken(little(1, 1e-7), {.initial = {{"fc1.*", 0.02}, {"fc2.weight", 50}}}));
  add("one batch counted a thousand times", {"R10"}, broken(little(5), {.gradients = {{"*", 1000, 0, 80}}}));
  add("a layer cut off from the loss", {"R11", "R13"}, broken(little(2), {.gradients = {{"fc1.*", 0}}}));
  add("ReLU units that are hardly ever active", {"R12"},
      broken(little(2, 0.001), {.initial = {{"fc1.bias", 1, 0, -1, -1.3}}}));
  add("a rate of 1e-7", {"R15"}, little(8, 1e-7));
  add("a decay that takes a third at every step", {"R16"},
      with(little(5, 0.1), [](auto& r) { r.options.weight_decay = 3.5; }));
  add("one layer with a thousandfold rate", {"R17"},
      broken(convolutions(8, 1e-5), {.gradients = {{"conv1.weight", 3000}}}));
  add("ReLU units that are dead", {"R18"},
      with(broken(little(2, 0.001), {.initial = {{"fc1.bias", 1, 0, -1, -10}}}),
           [](auto& r) { r.options.watch_activations = 1; }));
  add("weights a tenth as large", {"R20"},
      with(broken(convolutions(2, 1e-4), {.initial = {{"*", 0.1}}}), [](auto& r) { r.options.watch_activations = 1; }));
  add("one layer twenty times as large", {"R21"}, broken(convolutions(1, 1e-6), {.initial = {{"conv2.weight", 20}}}));
  add("a layer of one constant", {"R22"}, broken(little(1), {.initial = {{"fc1.weight", 0, 0, -1, 0.01}}}));
  add("a last layer fifty times as large", {"R24"}, broken(little(1), {.initial = {{"fc2.*", 50}}}));
  add("shuffled labels", {"R26"}, with(convolutions(8, 0.01), [](auto& r) { r.spoil = shuffle_labels; }));
  add("a rate that doubles every 10 steps", {"R27"}, broken(little(8, 0.01), {.rate_doubles = 10}));
  add("every other batch counted twentyfold", {"R28"}, broken(little(8, 0.0005), {.loss = every_other_twentyfold}));
  add("a rate of 1e-5", {"R29"}, with(little(8, 1e-5), [](auto& r) { r.train = 160; }));
  add("80 digits learned by heart", {"R30"}, with(little(40, 0.1), [](auto& r) { r.train = 80; }));
  add("80 digits learned by heart, for long", {"R31"},
      with(little(60, 0.3), [](auto& r) { r.train = 80, r.options.momentum = 0.5; }));
  add("labels without relation to the pictures", {"R32"},
      with(little(8, 0.01), [](auto& r) { r.spoil = shuffle_labels, r.test = 1000; }));
  add("weights that fade away", {"R42"}, with(little(3, 0.1), [](auto& r) { r.options.weight_decay = 5; }));
  add("a loss that is a sum", {"R25"},
      probed(broken(little(1, 0.003), {.loss = [](const Tensor& l, long n) { return scale(l, double(n)); }})));
  add("a first layer of 0 that stays so", {"R34"},
      probed(broken(little(5), {.initial = {{"fc1.weight", 0}}, .gradients = {{"fc1.weight", 0}}}), 5));
  add("labels of another example at every step", {"R35"},
      with(broken(little(1), {.logits = rolled}), [](auto& r) { r.options.overfit_batch = 100; }));
  add("a backward that is a tenth too large", {"R36"},
      with(broken(little(1), {.logits = with_wrong_backward}), [](auto& r) { r.options.gradcheck = true; }));
  add("outputs less their mean over the batch", {"R37"}, probed(broken(little(1), {.logits = centred})));
  add("batches of 2, labels without relation", {"R39"},
      probed(with(little(1, 0.001), [](auto& r) { r.spoil = shuffle_labels, r.options.batch_size = 2; })));
  add("a rate of 2", {"R40"}, probed(little(3, 2)));
  add("threes and fives exchanged", {"R44"}, with(convolutions(3, 0.02), [](auto& r) {
        r.spoil = exchange_threes_and_fives, r.train = 960, r.options.momentum = 0.9;
      }));
  add("a sigmoid before the loss", {"R52"}, broken(little(1), {.logits = [](const Tensor& z) { return sigmoid(z); }}));
  add("two dense layers with nothing between", {"R52"}, broken(little(1), {.logits = through_another_layer}));
  add("dropout without a seed", {"R55"},
      with(broken(little(1), {.logits = with_unseeded_dropout}), [](auto& r) { r.options.verify = 5; }));
  add("hardly any digits but 0 and 1", {"R43"}, with(little(1), [](auto& r) { r.spoil = unbalance; }));
  add("black and white exchanged", {"R45"}, with(little(1), [](auto& r) { r.spoil = invert; }));
  add("a disk that sleeps", {"R47"}, with(broken(little(2), {.load_seconds = 1, .load_at = 30}), [](auto& r) {
        r.options.doctor.limits = {"R47.least=0.5"};
      }));
  add("a loader slower than the network", {"R48"}, broken(little(2), {.load_seconds = 0.02}));
  add("a rate that jumps", {"R51"}, broken(little(1, 1e-6), {.rate_doubles = 0.25}));
  return all;
}

}  // namespace heartbeat
