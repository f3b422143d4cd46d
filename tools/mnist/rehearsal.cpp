// What a training of digits lends to --probe and to the checks: passes over a batch, and trainings made anew.
#include <fmt/format.h>

#include <algorithm>

#include "autograd/pick_device.h"
#include "tools/common/program.h"
#include "tools/mnist/training.h"
#include "tools/train/run_files.h"

namespace heartbeat {
namespace {

constexpr std::uint32_t kTrainNoise = 0;  // layer of a RandomKey
constexpr long kFew = 4;                  // digits of a small rehearsal

Ids some_of(const Ids& labels, long first, long n) {
  return std::make_shared<const std::vector<int>>(labels->begin() + first, labels->begin() + first + n);
}

Tensor converted(const Tensor& x, Dtype dtype) {
  Tensor y(x.shape(), dtype, x.device());
  y.assign(x);
  return y;
}

class DigitRehearsal : public Rehearsal {
 public:
  DigitRehearsal(const MnistOptions& options, const DigitSet& set, bool small)
      : options_(options),
        batches_(set, small ? std::min(kFew, options.batch_size) : options.batch_size, options.seed),
        dtype_(small ? Dtype::f64 : Dtype::f32),
        device_(small ? Device::cpu : pick_device(options.device)),
        model_(make_digit_model(options, dtype_, device_)) {
    options.breakage.change_initial(model_.parameters());
    optimizer_ = make_optimizer(options, model_.parameters());
  }
  nn::Parameters parameters() const override { return model_.parameters(); }
  Tensor loss(long step, bool) const override {
    const DigitBatch batch = batches_.at(step);
    const Tensor noise = model_.noise(batch.images.dim(0), training_noise(options_.seed, step + 1));
    const Tensor images = converted(batch.images, dtype_).to(device_);
    const Tensor logits = options_.breakage.change_logits(model_.logits(images, noise));
    return options_.breakage.change_loss(cross_entropy(logits, batch.labels), batch.images.dim(0));
  }
  void update(long step) override {
    options_.breakage.change_gradients(model_.parameters(), step);
    optimizer_->step(options_.breakage.rate(options_.lr, options_.lr, step));
  }

 private:
  const MnistOptions options_;
  mutable DigitBatches batches_;
  const Dtype dtype_;
  const Device device_;
  DigitModel model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
};

}  // namespace

RandomKey training_noise(std::uint64_t seed, long step) {
  return {.seed = seed, .step = std::uint32_t(step), .layer = kTrainNoise};
}

MakeRehearsal digit_rehearsal(const MnistOptions& options, const DigitSet& set) {
  return [options, &set](bool small) { return std::make_unique<DigitRehearsal>(options, set, small); };
}

ProbedBatch probed_batch(const DigitModel& model, const DigitBatch& batch, const Tensor& noise,
                         const Breakage& breakage) {
  const long n = batch.images.dim(0);
  const Device device = model.parameters().back().tensor.device();
  const auto logits = [&model, &breakage, device](const Tensor& images, const Tensor& noise) {
    return breakage.change_logits(model.logits(images.to(device), noise.defined() ? noise.to(device) : noise));
  };
  const auto loss = [logits, &breakage](const Tensor& images, const Tensor& noise, const Ids& labels) {
    return breakage.change_loss(cross_entropy(logits(images, noise), labels), images.dim(0));
  };
  const Tensor blank = Tensor::zeros(batch.images.shape());
  ProbedBatch probed{.parameters = model.parameters(),
                     .loss = [=] { return loss(batch.images, noise, batch.labels); },
                     .blank_loss = [=] { return loss(blank, noise, batch.labels); }};
  if (n < 2) return probed;
  const auto half = [=](long first, long count) {
    return [=] {
      return loss(rows_of(batch.images, first, count), rows_of(noise, first, count),
                  some_of(batch.labels, first, count));
    };
  };
  probed.half_losses = {half(0, n / 2), half(n / 2, n - n / 2)};
  probed.others = [=](bool last_is_blank) {
    const Tensor images = batch.images.copy();
    if (last_is_blank)
      std::fill(images.data<float>() + (n - 1) * kDigitPixels, images.data<float>() + n * kDigitPixels, 0.f);
    return rows_of(logits(images, noise), 0, n - 1);
  };
  return probed;
}

void DigitTraining::check() {
  catch_interrupts();
  fmt::print("{}\n", plan());
  announce_breakage(options_, *log_);
  std::fflush(stdout);
  run_checks(options_, digit_rehearsal(options_, digits_.train), *log_);
  doctor_->attend(0, [](const std::string& line) { fmt::print("{}\n", line); });
  log_->note(0, "outcome", "checked");
  log_->close();
}

int DigitTraining::exit_code() const {
  return exit_code_of_what_was_asked(options_, alerts());
}

}  // namespace heartbeat
