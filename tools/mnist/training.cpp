#include "tools/mnist/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "autograd/tape.h"
#include "graph/counter_random.h"
#include "kernels/common/device.h"
#include "tools/common/clock.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/train/ablation.h"
#include "tools/train/activations.h"
#include "tools/train/lint.h"
#include "tools/train/run_files.h"
#include "tools/train/step_graphs.h"
#include "tools/train/watch_log.h"

namespace heartbeat {
namespace {

constexpr double kSmoothing = 0.98;
constexpr double kSaveEvery = 60;        // seconds
constexpr std::uint32_t kTestNoise = 1;  // layer of a RandomKey

// Variance of the predicted probabilities over a batch, as a share of what sure predictions of evenly spread classes
// would have.
double variance_ratio(const Tensor& logits) {
  const long n = logits.rows();
  double sum[kDigitClasses] = {}, squares[kDigitClasses] = {}, variance = 0;
  for (long i = 0; i < n; ++i) {
    const float* row = logits.data<float>() + i * kDigitClasses;
    const float most = *std::max_element(row, row + kDigitClasses);
    double p[kDigitClasses], all = 0;
    for (int k = 0; k < kDigitClasses; ++k) all += p[k] = std::exp(double(row[k] - most));
    for (int k = 0; k < kDigitClasses; ++k) sum[k] += p[k] / all, squares[k] += p[k] / all * (p[k] / all);
  }
  for (int k = 0; k < kDigitClasses; ++k)
    variance += squares[k] / double(n) - sum[k] / double(n) * (sum[k] / double(n));
  return std::max(0.0, variance) / (1 - 1.0 / kDigitClasses);
}

}  // namespace

std::unique_ptr<nn::Optimizer> make_optimizer(const MnistOptions& o, const nn::Parameters& parameters) {
  const nn::OptimizerOptions options{.weight_decay = o.weight_decay};
  std::unique_ptr<nn::Optimizer> optimizer;
  if (o.optimizer == "adam")
    optimizer = std::make_unique<nn::AdamW>(parameters, options, nn::AdamWOptions{.decoupled = false});
  else
    optimizer = std::make_unique<nn::Sgd>(parameters, options, nn::SgdOptions{.momentum = o.momentum});
  optimizer->watch(watch_options(o));
  return optimizer;
}

DigitTraining::DigitTraining(const MnistOptions& options, const Digits& digits)
    : options_(options),
      digits_(digits),
      batches_(digits.train, options.batch_size, options.seed),
      model_(make_digit_model(options)),
      optimizer_(make_optimizer(options, model_.parameters())),
      fingerprint_(fingerprint_of(digits)) {
  options.breakage.change_initial(model_.parameters());
  expect_modules(model_.parameters(), options.ablate);
  if (options.resume) restore();
  first_step_ = state_.step;
  log_ = std::make_unique<RunLog>(open_run_log(options, "train_mnist", total_steps(), state_.step));
  doctor_ = std::make_unique<LiveDoctor>(options.doctor, *log_);
  if (options.resume) doctor_->catch_up(options.run_dir, state_.step);
  log_->tensors(tensor_rows(*optimizer_));
  graphs_ = make_step_graphs(
      options, *optimizer_, *log_, [this] { return state_.step; },
      [](const std::string& line) { fmt::print("train_mnist: {}\n", line); });
}

DigitBatch DigitBatches::at(long step) {
  const long epoch = step / in_epoch(), first = step % in_epoch() * batch_size_;
  if (epoch != epoch_) {
    order_.resize(set_.count());
    std::iota(order_.begin(), order_.end(), 0L);
    CounterRandom({seed_, std::uint64_t(epoch)}).shuffle(order_);
    epoch_ = epoch;
  }
  return digit_batch(set_, order_.data() + first, std::min(batch_size_, set_.count() - first));
}

DigitTraining::Inputs DigitTraining::inputs(const DigitBatch& batch, long step) {
  const long n = batch.images.dim(0);
  const RandomKey key = training_noise(options_.seed, step);
  const Device device = optimizer_->device();
  if (!graphs_->records()) return {batch.images.to(device), batch.labels, key};
  if (!step_number_) step_number_ = std::make_unique<Storage>(device, sizeof key.step);
  step_number_->write(&key.step);
  Inputs& place = places_[n];
  if (!place.images.defined()) {
    place.images = Tensor(batch.images.shape(), Dtype::f32, device);
    place.labels = std::make_shared<std::vector<int>>(*batch.labels);
  }
  place.images.assign(batch.images);
  place.labels.assign(*batch.labels);
  place.noise = key;
  place.noise.device_step = reinterpret_cast<const std::uint32_t*>(step_number_->data());
  return place;
}

double DigitTraining::step() {
  const auto loading = Clock::now();
  options_.breakage.load(state_.step);
  const DigitBatch batch = batches_.at(state_.step);
  const double load_seconds = seconds_since(loading);
  const long step = ++state_.step;
  const double lr = options_.breakage.rate(options_.lr, options_.lr, step - 1);

  const bool watched = options_.watch != "none", probed = options_.probe && step % options_.probe == 0;
  const long n = batch.images.dim(0);
  const std::string shape = probed ? "" : fmt::format("{} digits", n);  // a probe looks at the step from the host
  graphs_->make_room_for(shape, watched);
  std::optional<Probe> probe;
  if (probed) {
    const Tensor noise = model_.noise(n, training_noise(options_.seed, step));
    probe.emplace(probed_batch(model_, batch, noise, options_.breakage));
    probe->before(*log_, step);
  }

  const cuda::ForbidWaits no_waits;
  const Inputs in = inputs(batch, step);
  Tensor logits;
  const auto [loss, measured] = graphs_->step(shape, lr, watched, [&] {
    optimizer_->zero_grad();
    const Tensor noise = model_.noise(n, in.noise);
    const auto forward = [&] { return options_.breakage.change_logits(model_.logits(in.images, noise)); };
    std::optional<Trace> trace;
    if (step == 1) trace.emplace();
    logits = recorded(*log_, step, options_.watch_activations, forward);
    const Tensor mean = options_.breakage.change_loss(cross_entropy(logits, in.labels), n);
    if (trace) log_lint(*log_, step, *trace);
    if (mean.device() == Device::cpu && !std::isfinite(mean.item()) && !std::exchange(explained_, true))
      log_first_not_finite(*log_, step, forward);
    backward(mean);
    if (probe) probe->keep(mean.item());
    options_.breakage.change_gradients(model_.parameters(), step - 1);
    return mean;
  });
  queued_.push_back({step, lr, Later(loss), measured});
  if (!probe) no_waits.expect_none(fmt::format("step {}", step));

  log_->scalar(step, "time/load", load_seconds);
  if (logits.defined() && logits.device() == Device::cpu && logits.rows() >= 8)
    log_->scalar(step, "predictions/variance_ratio", variance_ratio(logits));
  if (probe) probe->after(*log_, step);
  log_queued(optimizer_->device() == Device::cuda ? 1 : 0);
  return loss_;
}

void DigitTraining::log_queued(size_t keep) {
  for (; queued_.size() > keep; queued_.pop_front()) log_step(queued_.front());
}

void DigitTraining::log_step(QueuedStep& queued) {
  const auto [step, lr] = std::pair(queued.step, queued.lr);
  const double value = loss_ = queued.loss.get();
  nn::WatchFrame frame = queued.measured.take();
  const auto logging = Clock::now();
  const bool watched = options_.watch != "none";
  if (std::isfinite(value))
    state_.smooth_loss = step == 1 ? value : kSmoothing * state_.smooth_loss + (1 - kSmoothing) * value;
  log_->step({.step = step, .epoch = double(step) / double(steps_in_epoch()), .learning_rates = {lr, lr}});
  log_->scalar(step, "train/loss", value);
  log_->scalar(step, "lr", lr);
  if (watched) log_->scalar(step, "gradients/global_norm", frame.global_norm);
  if (watched) log_watch(*log_, step, std::move(frame));
  watch_seconds_ += seconds_since(logging);
}

TestResult DigitTraining::test() {
  log_queued();
  Progress bar("test", double(digits_.test.count()), options_.quiet);
  const RandomKey key{.seed = options_.seed, .step = std::uint32_t(state_.step), .layer = kTestNoise};
  const TestResult result = evaluate(model_, digits_.test, options_.test_batch_size, key, [&](long done) {
    if (interrupted()) throw Interrupted("stopped while testing");
    bar.update(double(done));
  });
  log_->scalar(state_.step, "test/loss", result.loss);
  log_->scalar(state_.step, "test/accuracy", result.accuracy);
  const bool equal = result.accuracy == state_.best_accuracy;
  if (std::isfinite(result.loss) &&
      (result.accuracy > state_.best_accuracy || (equal && result.loss < state_.best_loss))) {
    state_.best_accuracy = result.accuracy;
    state_.best_loss = result.loss;
    state_.best_epoch = state_.step / steps_in_epoch();
    nn::save_checkpoint(best_checkpoint(options_), model_.parameters(),
                        {{"model", model_.config_json()}, {"step", std::to_string(state_.step)}});
  }
  state_.tested_step = state_.step;
  return result;
}

void DigitTraining::log_plan() {
  std::vector<double> train(kDigitClasses), test(kDigitClasses);
  for (const std::uint8_t label : digits_.train.labels) train[label] += 1 / double(digits_.train.count());
  for (const std::uint8_t label : digits_.test.labels) test[label] += 1 / double(digits_.test.count());
  double entropy = 0;
  for (const double p : train) entropy -= p > 0 ? p * std::log(p) : 0;
  const auto [rarest, most] = std::minmax_element(train.begin(), train.end());
  std::vector<long> some(std::min(500L, digits_.train.count()));
  std::iota(some.begin(), some.end(), 0L);
  const Tensor images = digit_batch(digits_.train, some.data(), long(some.size())).images;
  double sum = 0, squares = 0;
  for (const double x : images.to_vector()) sum += x, squares += x * x;
  const double n = double(images.numel()), mean = sum / n;
  const std::pair<const char*, double> facts[] = {{"steps", double(total_steps())},
                                                  {"peak_lr", options_.lr},
                                                  {"chance_loss", entropy},
                                                  {"chance_accuracy", *std::max_element(test.begin(), test.end())},
                                                  {"class_ratio", *most / std::max(*rarest, 1e-9)},
                                                  {"weighted", 0},
                                                  {"input_mean", mean},
                                                  {"input_std", std::sqrt(std::max(0.0, squares / n - mean * mean))}};
  for (const auto& [name, value] : facts) log_->scalar(0, std::string("plan/") + name, value);
}

// Of each class the share that is right, and the other class that it is most often taken for.
void DigitTraining::log_confusion(const TestResult& result) {
  for (int k = 0; k < kDigitClasses; ++k) {
    const auto& answers = result.answers[std::size_t(k)];
    const double all = double(std::accumulate(answers.begin(), answers.end(), 0L));
    if (all == 0) continue;
    int other = k == 0;
    for (int a = 0; a < kDigitClasses; ++a)
      if (a != k && answers[std::size_t(a)] > answers[std::size_t(other)]) other = a;
    log_->scalar(state_.step, fmt::format("test/recall/{}", k), double(answers[std::size_t(k)]) / all);
    log_->scalar(state_.step, fmt::format("test/taken_for/{}/{}", k, other), double(answers[std::size_t(other)]) / all);
  }
}

void DigitTraining::ablate(const TestResult& whole) {
  const RandomKey key{.seed = options_.seed, .step = std::uint32_t(state_.step), .layer = kTestNoise};
  for (const std::string& module : modules_of(options_.ablate)) {
    const Ablated without(model_.parameters(), module);
    const TestResult result = evaluate(model_, digits_.test, options_.test_batch_size, key);
    double mean = 0, squares = 0;  // of what each digit's loss changes by
    const double n = double(whole.losses.size());
    for (std::size_t i = 0; i < whole.losses.size(); ++i) {
      const double change = result.losses[i] - whole.losses[i];
      mean += change / n, squares += change * change / n;
    }
    log_->scalar(state_.step, "ablate/" + module, mean / whole.loss);
    log_->scalar(state_.step, "ablate_error/" + module,
                 std::sqrt(std::max(0.0, squares - mean * mean) / n) / whole.loss);
  }
}

void DigitTraining::train() {
  Progress bar("train", double(total_steps()), options_.quiet);
  bool told = false;
  const auto say = [&](const std::string& line) { bar.say(line); };
  auto saved = Clock::now();
  for (;;) {
    if (state_.step % steps_in_epoch() == 0 && state_.step != state_.tested_step) {
      const TestResult result = test();
      if (state_.step == total_steps()) log_confusion(result);
      fmt::print("epoch {:3}  train loss {:.4f}  test loss {:.4f}  accuracy {:.2f} %\n", state_.step / steps_in_epoch(),
                 state_.smooth_loss, result.loss, 100 * result.accuracy);
      std::fflush(stdout);
      doctor_->attend(state_.step, say);
      save_last();
      saved = Clock::now();
      if (state_.step == total_steps()) {
        ablate(result);
        doctor_->attend(state_.step, say);
        return print_result(result);
      }
    } else if (seconds_since(saved) > kSaveEvery) {
      save_last();
      saved = Clock::now();
    }
    if (interrupted()) throw Interrupted("stopped between two steps");
    const auto start = Clock::now();
    const double loss = step();
    const double seconds = seconds_since(start);
    step_seconds_ += seconds;
    log_->scalar(state_.step, "time/step", seconds);
    doctor_->attend(state_.step, say);
    if (!std::isfinite(loss) && !told) {
      told = true;
      bar.say(
          fmt::format("train_mnist: the loss is {} at step {}, and no later step can mend that; stop the run and start "
                      "again with a lower --lr than {}",
                      loss, state_.step, options_.lr));
    }
    bar.update(double(state_.step), fmt::format("step {}  epoch {}  loss {:.4f}  {:.1f} ms a step", state_.step,
                                                (state_.step - 1) / steps_in_epoch() + 1, state_.smooth_loss,
                                                1000 * step_seconds_ / double(state_.step - first_step_)));
  }
}

void DigitTraining::run() {
  catch_interrupts();
  fmt::print("{}\n", plan());
  announce_breakage(options_, *log_);
  std::fflush(stdout);
  if (!options_.resume) {
    log_plan();
    save_last();  // a run can be resumed from its first second, and a disk that cannot hold it says so now
  }
  try {
    train();
  } catch (const Interrupted&) {
    save_last();
    doctor_->attend_now(state_.step, [](const std::string& line) { fmt::print("{}\n", line); });
    log_->note(state_.step, "interrupted", std::to_string(state_.step));
    log_->close();
    throw Interrupted(fmt::format("stopped after step {} and saved; continue with --resume", state_.step));
  } catch (const Stopped& e) {
    log_queued();
    if (e.kind == Stopped::Kind::saved) save_last();
    log_->note(state_.step, "outcome", e.what());
    log_->close();
    throw;
  }
  log_->note(state_.step, "outcome", "finished");
  log_->close();
}

}  // namespace heartbeat
