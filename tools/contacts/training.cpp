#include "tools/contacts/training.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "autograd/ops.h"
#include "autograd/pick_device.h"
#include "autograd/tape.h"
#include "kernels/common/device.h"
#include "kernels/common/error.h"
#include "nn/schedule.h"
#include "tools/common/clock.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/contacts/plan.h"
#include "tools/contacts/tables.h"
#include "tools/contacts/watch_log.h"
#include "tools/train/ablation.h"
#include "tools/train/activations.h"
#include "tools/train/lint.h"
#include "tools/train/run_files.h"
#include "tools/train/step_graphs.h"
#include "tools/train/watch_log.h"

namespace heartbeat {
namespace {

constexpr size_t kMapsShown = 3;  // proteins whose maps go to the log at each validation
constexpr double kSmoothing = 0.98;
constexpr long kChannelLossEvery = 20, kSpreadEvery = 5;  // steps
constexpr double kSaveEvery = 60;                         // seconds

// What best.safetensors goes by: long P@L/5 of cb8 plus the macro AUPRC over channels.
double selection_score(const Summary& s) {
  double auprc = 0;
  int channels = 0;
  for (int k = 0; k < kChannels; ++k)
    if (const double v = s.auprc(k, Band::all).mean; !std::isnan(v)) auprc += v, ++channels;
  const double top = s.precision(0, Band::long_, 5).mean;
  return (std::isnan(top) ? 0 : top) + (channels ? auprc / channels : 0);
}

}  // namespace

Sampler make_sampler(const TrainOptions& o, const std::vector<Protein>& proteins) {
  std::vector<const Protein*> pointers;
  for (const Protein& p : proteins) pointers.push_back(&p);
  SamplerOptions s;
  s.pairs_per_batch = o.pairs_per_batch;
  s.augmentation.crop = o.crop;
  s.seed = o.seed;
  return Sampler(std::move(pointers), s);
}

ContactModel fresh_model(const TrainOptions& o, const std::vector<Protein>& train, const ClassStatistics& statistics,
                         Device device, Dtype dtype) {
  std::vector<double> frequency;
  for (int k = 0; k < kChannels; ++k) frequency.push_back(statistics.frequency(k));
  std::optional<ContactPrior> prior;
  if (o.prior == "on") prior = ContactPrior::count(train);
  ContactModel model = make_contact_model(
      {o.size, o.encoder, o.trunk, o.tie, o.dropout, o.noise_module == "on", o.recompute, o.precision},
      std::move(prior), o.seed, frequency, device, dtype);
  o.breakage.change_initial(model.network.parameters());
  return model;
}

Baselines print_baselines(const std::vector<Protein>& train, const std::vector<Protein>& valid) {
  Baselines b{evaluate(separation_prior(train), valid), evaluate(ContactPrior::count(train), valid)};
  fmt::print("Baselines from counting on {} training proteins, {} validation maps, per cent\n{}\n", train.size(),
             valid.size(),
             precision_table({{"separation prior", &b.separation}, {"separation x residue pair prior", &b.prior}}));
  std::fflush(stdout);
  return b;
}

Training::Training(const TrainOptions& options, const std::vector<Protein>& train, const std::vector<Protein>& valid)
    : options_(options),
      train_(train),
      valid_(valid),
      sampler_(make_sampler(options, train)),
      model_(fresh_model(options, train, sampler_.statistics(), pick_device(options.device))),
      optimizer_(model_.network.parameters(), {.weight_decay = options.weight_decay, .max_norm = options.clip}),
      ema_(model_.network.parameters(), options.ema) {
  optimizer_.watch(watch_options(options));
  expect_modules(model_.network.parameters(), options.ablate);
  if (options.resume) restore();
  first_step_ = state_.step;
  log_ = std::make_unique<RunLog>(open_run_log(options, "train_contacts", options.max_steps, state_.step));
  doctor_ = std::make_unique<LiveDoctor>(options.doctor, *log_);
  if (options.resume) doctor_->catch_up(options.run_dir, state_.step);
  log_->tensors(tensor_rows(optimizer_));
  graphs_ = make_step_graphs(
      options, optimizer_, *log_, [this] { return state_.step; },
      [](const std::string& line) { fmt::print("train_contacts: {}\n", line); });
}

bool Training::finished() const {
  return (options_.max_steps && state_.step >= options_.max_steps) ||
         (options_.max_minutes && state_.seconds >= 60 * options_.max_minutes);
}

double Training::progress() const {
  const double by_steps = options_.max_steps ? double(state_.step) / double(options_.max_steps) : 0;
  const double by_time = options_.max_minutes ? state_.seconds / (60 * options_.max_minutes) : 0;
  return std::min(1.0, std::max(by_steps, by_time));
}

bool Training::validation_is_due() const {
  if (state_.step == state_.validated_step) return false;
  if (options_.eval_steps) return state_.step % options_.eval_steps == 0;
  return options_.eval_minutes && state_.train_seconds - state_.validated_seconds >= 60 * options_.eval_minutes;
}

Training::Source Training::source(const Batch& batch, const std::string& shape, long step) {
  const nn::Mode mode{.training = true, .step = std::uint32_t(step), .seed = options_.seed};
  if (!graphs_->records()) return {nullptr, mode};
  const Device device = optimizer_.device();
  if (!step_number_) step_number_ = std::make_unique<Storage>(device, sizeof mode.step);
  step_number_->write(&mode.step);
  Source from{nullptr, mode};
  from.mode.device_step = reinterpret_cast<const std::uint32_t*>(step_number_->data());
  std::erase_if(places_, [&](const auto& place) { return !graphs_->remembers(place.first); });
  if (shape.empty() || !graphs_->repeats(shape, true)) return from;
  if (const auto known = places_.find(shape); known != places_.end()) {
    known->second.assign(batch, model_.prior);
    from.place = &known->second;
  } else {
    from.place = &(places_[shape] = ContactInputs(batch, model_.prior, device));
    from.place->bring(device);
  }
  return from;
}

double Training::step() {
  const nn::Schedule schedule{.peak = options_.lr, .warm_up = options_.warmup};
  const double lr = options_.breakage.rate(schedule.at(progress()), options_.lr, state_.step);
  const auto loading = Clock::now();
  options_.breakage.load(state_.step);
  const Batch batch = sampler_.at(state_.step);
  const double load_seconds = seconds_since(loading);
  const long step = ++state_.step;

  // The losses of the channels are computed a step later, from logits that a replay would have overwritten, and a probe
  // looks at the step from the host.
  const bool by_channel = step == 1 || step % kChannelLossEvery == 0;
  const bool probed = options_.probe && step % options_.probe == 0;
  const std::string shape = by_channel || probed ? "" : shape_of(batch);
  graphs_->make_room_for(shape, true);
  std::optional<Probe> probe;
  if (probed) {
    const nn::Mode mode{.training = true, .step = std::uint32_t(step), .seed = options_.seed};
    probe.emplace(probed_batch(model_, batch, mode, options_.breakage));
    probe->before(*log_, step);
  }

  const cuda::ForbidWaits no_waits;
  const Source from = source(batch, shape, step);
  ema_.begin_update();
  Tensor logits;
  const auto work = [&] {
    optimizer_.zero_grad();
    const auto forward = [&] {
      return options_.breakage.change_logits(from.place ? model_.training_logits(*from.place, from.mode)
                                                        : model_.training_logits(batch, from.mode));
    };
    std::optional<Trace> trace;
    if (step == 1) trace.emplace();
    logits = recorded(*log_, step, options_.watch_activations, forward);
    const Tensor mean =
        options_.breakage.change_loss(from.place ? contact_loss(from.place->layout, logits, from.place->targets)
                                                 : contact_loss(batch.layout, logits, batch.targets),
                                      batch.layout->size());
    if (trace) log_lint(*log_, step, *trace);
    if (mean.device() == Device::cpu && !std::isfinite(mean.item()) && !std::exchange(explained_, true))
      log_first_not_finite(*log_, step, forward);
    backward(mean);
    if (probe) probe->keep(mean.item());
    options_.breakage.change_gradients(model_.network.parameters(), step - 1);
    return mean;
  };
  const auto [loss, measured] = graphs_->step(shape, lr, true, work, [&] { ema_.queue_update(); });
  queued_.push_back({step, lr, Later(loss), measured, {}});
  if (!probe) no_waits.expect_none(fmt::format("step {}", step));

  if (step % kSpreadEvery == 0 && logits.defined() && logits.device() == Device::cpu)
    log_spread(*log_, step, logits, sampler_.statistics());
  log_->scalar(step, "time/load", load_seconds);
  if (probe) probe->after(*log_, step);
  if (by_channel)
    queued_.back().channel_losses = [batch, logits] {
      return contact_loss_by_channel(batch.layout, logits, *batch.targets);
    };
  log_queued(optimizer_.device() == Device::cuda ? 1 : 0);
  return loss_;
}

void Training::log_queued(size_t keep) {
  for (; queued_.size() > keep; queued_.pop_front()) log_step(queued_.front());
}

void Training::log_step(QueuedStep& queued) {
  const auto [step, lr] = std::pair(queued.step, queued.lr);
  const double value = loss_ = queued.loss.get();
  nn::WatchFrame frame = queued.measured.take();
  const auto logging = Clock::now();
  if (std::isfinite(value))
    state_.smooth_loss = step == 1 ? value : kSmoothing * state_.smooth_loss + (1 - kSmoothing) * value;
  log_->step({.step = step,
              .epoch = double(sampler_.place(step - 1).epoch),
              .learning_rates = {lr, lr},
              .clip_factor = frame.clip_factor,
              .skipped = frame.skipped});
  log_->scalar(step, "train/loss", value);
  if (queued.channel_losses) log_losses(*log_, step, "train", queued.channel_losses());
  log_->scalar(step, "lr", lr);
  log_->scalar(step, "gradients/global_norm", frame.global_norm);
  log_->scalar(step, "clip/factor", frame.clip_factor);
  log_watch(*log_, step, std::move(frame));
  watch_seconds_ += seconds_since(logging);
}

Summary Training::validate() {
  log_queued();
  const nn::Ema::Swapped averaged(ema_);
  Progress bar("validate", double(valid_.size()), options_.quiet);
  ValidationLoss loss{sampler_.statistics()};
  const auto after_each = [&](long done) {
    if (interrupted()) throw Interrupted("stopped while validating");
    bar.update(double(done));
  };
  Summary summary = evaluate(model_, valid_, after_each, &loss);
  log_->scalar(state_.step, "valid/loss", loss.total());
  log_losses(*log_, state_.step, "valid", loss.by_channel);
  log_summary(*log_, state_.step, "valid", summary);
  log_maps();
  // The order of maps without a number in them means nothing.
  if (const double score = selection_score(summary); std::isfinite(loss.total()) && score > state_.best) {
    state_.best = score;
    state_.best_step = state_.step;
    save_best(model_);
  }
  state_.validated_step = state_.step;
  state_.validated_seconds = state_.train_seconds;
  return summary;
}

void Training::train() {
  Progress bar("train", 1, options_.quiet);
  bool told = false;
  const auto say = [&](const std::string& line) { bar.say(line); };
  while (!finished()) {
    if (validation_is_due()) {
      const auto start = Clock::now();
      const Summary summary = validate();
      state_.seconds += seconds_since(start);
      doctor_->attend(state_.step, say);
      if (!options_.quiet)
        bar.say(fmt::format("step {:5}  loss {:.4f}  cb8 P@L/5 short {:.1f} medium {:.1f} long {:.1f}  AUPRC {:.1f}",
                            state_.step, state_.smooth_loss, 100 * summary.precision(0, Band::short_, 5).mean,
                            100 * summary.precision(0, Band::medium, 5).mean,
                            100 * summary.precision(0, Band::long_, 5).mean, 100 * summary.auprc(0, Band::all).mean));
      save_last();
    } else if (state_.seconds - saved_ > kSaveEvery) {
      save_last();
    }
    if (interrupted()) throw Interrupted("stopped between two steps");
    const auto start = Clock::now();
    const double loss = step();
    const double seconds = seconds_since(start);
    session_seconds_ += seconds;
    state_.train_seconds += seconds;
    state_.seconds += seconds;
    log_->scalar(state_.step, "time/step", seconds);
    doctor_->attend(state_.step, say);
    if (!std::isfinite(loss) && !told) {
      told = true;
      bar.say(
          fmt::format("train_contacts: the loss is {} at step {}, and no later step can mend that; stop the run "
                      "and start again with a lower --lr than {}",
                      loss, state_.step, options_.lr));
    }
    bar.update(progress(), fmt::format("step {}  epoch {}  loss {:.4f}  {:.0f} ms a step", state_.step,
                                       sampler_.place(state_.step - 1).epoch, state_.smooth_loss,
                                       1000 * session_seconds_ / double(state_.step - first_step_)));
  }
}

void Training::run(const Baselines& baselines) {
  catch_interrupts();
  fmt::print("{}\n", plan_of(options_, model_, sampler_, train_, valid_));
  announce_breakage(options_, *log_);
  std::fflush(stdout);
  if (!options_.resume) {
    log_plan();
    log_summary(*log_, 0, "baseline/separation", baselines.separation);
    log_summary(*log_, 0, "baseline/prior", baselines.prior);
    save_last();  // a run can be resumed from its first second, and a disk that cannot hold it says so now
  }
  try {
    train();
    const Summary last = validate();
    ablate();
    doctor_->attend(state_.step, [](const std::string& line) { fmt::print("{}\n", line); });
    conclude(baselines, last);
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
  save_last();
  log_->close();
}

void Training::log_maps() {
  for (size_t m = 0; m < std::min(kMapsShown, valid_.size()); ++m) {
    const Protein& protein = valid_[m];
    const std::vector<float> p = model_.predict(protein);
    log_map(*log_, state_.step, protein, p, /*channel=*/0);
    log_map(*log_, state_.step, protein, p, /*channel=*/2);
  }
}

}  // namespace heartbeat
