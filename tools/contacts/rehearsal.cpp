// What a training of contacts lends to --probe and to the checks: passes over a batch, and trainings made anew.
#include <fmt/format.h>

#include "autograd/ops.h"
#include "autograd/pick_device.h"
#include "tools/common/program.h"
#include "tools/contacts/plan.h"
#include "tools/contacts/training.h"
#include "tools/train/run_files.h"

namespace heartbeat {
namespace {

constexpr long kSmallestCrop = 32;

TrainOptions of_one_piece(TrainOptions o, bool small) {
  if (small) o.crop = kSmallestCrop, o.pairs_per_batch = 1;  // a protein larger than that is a batch of its own
  return o;
}

Tensor loss_of(const ContactModel& model, const Batch& batch, const nn::Mode& mode, const Breakage& breakage) {
  const Tensor logits = breakage.change_logits(model.training_logits(batch, mode));
  return breakage.change_loss(contact_loss(batch.layout, logits, batch.targets), batch.layout->size());
}

class ContactRehearsal : public Rehearsal {
 public:
  ContactRehearsal(const TrainOptions& options, const std::vector<Protein>& train, bool small)
      : options_(of_one_piece(options, small)),
        sampler_(make_sampler(options_, train)),
        model_(fresh_model(options_, train, sampler_.statistics(), small ? Device::cpu : pick_device(options.device),
                           small ? Dtype::f64 : Dtype::f32)),
        optimizer_(model_.network.parameters(), {.weight_decay = options.weight_decay, .max_norm = options.clip}) {}
  nn::Parameters parameters() const override { return model_.network.parameters(); }
  Tensor loss(long step, bool plain) const override {
    const nn::Mode mode{.training = !plain, .step = std::uint32_t(step + 1), .seed = options_.seed};
    return loss_of(model_, sampler_.at(step), mode, options_.breakage);
  }
  void update(long step) override {
    options_.breakage.change_gradients(model_.network.parameters(), step);
    optimizer_.step(options_.breakage.rate(options_.lr, options_.lr, step));
  }

 private:
  const TrainOptions options_;
  mutable Sampler sampler_;
  ContactModel model_;
  nn::AdamW optimizer_;
};

}  // namespace

MakeRehearsal contact_rehearsal(const TrainOptions& options, const std::vector<Protein>& train) {
  return [options, &train](bool small) { return std::make_unique<ContactRehearsal>(options, train, small); };
}

ProbedBatch probed_batch(const ContactModel& model, const Batch& batch, const nn::Mode& mode,
                         const Breakage& breakage) {
  const long n = batch.layout->size();
  const auto loss = [&model, &breakage, mode](const Batch& b) { return loss_of(model, b, mode, breakage); };
  ProbedBatch probed{.parameters = model.network.parameters(),
                     .loss = [=] { return loss(batch); },
                     .blank_loss = [=] { return loss(unknown_members(batch, 0, n)); }};
  if (n < 2) return probed;
  probed.half_losses = {[=] { return loss(part_of(batch, 0, n / 2)); }, [=] { return loss(part_of(batch, n / 2, n)); }};
  probed.others = [=, &model, &breakage](bool last_is_blank) {
    const Batch given = last_is_blank ? unknown_members(batch, n - 1, n) : batch;
    const Tensor all = breakage.change_logits(model.training_logits(given, mode)).to(Device::cpu);
    const long kept = batch.layout->map(n - 1).first_pair;
    Tensor others({kept, all.cols()}, all.dtype());
    dispatch(all.dtype(), [&]<class T>(Type<T>) { std::copy_n(all.data<T>(), others.numel(), others.data<T>()); });
    return others;
  };
  return probed;
}

void Training::check() {
  catch_interrupts();
  fmt::print("{}\n", plan_of(options_, model_, sampler_, train_, valid_));
  announce_breakage(options_, *log_);
  std::fflush(stdout);
  run_checks(options_, contact_rehearsal(options_, train_), *log_);
  doctor_->attend(0, [](const std::string& line) { fmt::print("{}\n", line); });
  log_->note(0, "outcome", "checked");
  log_->close();
}

int Training::exit_code() const {
  return exit_code_of_what_was_asked(options_, alerts());
}

}  // namespace heartbeat
