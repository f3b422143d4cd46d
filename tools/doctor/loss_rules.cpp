// The loss from step to step, and the clock.
#include <fmt/format.h>

#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"

namespace heartbeat {
namespace {

class NoProgress : public Rule {
 public:
  NoProgress()
      : Rule({"R26",
              "the loss has hardly fallen since the first quarter of the run, 50 to 500 steps",
              Severity::warning,
              2,
              {{"gain", 0.05}, {"least", 50}, {"most", 500}},
              "raise --lr if R15 or R57 speaks too, lower it if R16 does\nlook at the labels: do they belong to the "
              "inputs?\ntry to overfit one batch: --overfit-batch"}) {}
  void step(const Patient& p) override {
    if (!std::isfinite(p.loss.last) || !p.has_scalar("train/loss")) return;
    if (std::isnan(begin_)) begin_ = p.loss.last;
    losses_.push_back(p.loss.last);
    const double planned = p.fact("plan/steps");
    const double window = planned > 0 ? std::clamp(planned / 4, limit("least"), limit("most")) : limit("most");
    if (double(losses_.size()) < window) return;
    const double mean = mean_of(losses_), slope = robust_slope(thirds());
    losses_.clear();
    if (std::isnan(first_)) {
      leapt_ = mean > 2 * begin_;
      first_ = leapt_ ? begin_ : mean;  // where it has leapt at once, the window says nothing
      return;
    }
    const double gain = (first_ - mean) / std::abs(first_);
    check(p, 0, "", evidence(gain < limit("gain"), gain, limit("gain")), [&] {
      return fmt::format("the loss is {} on average, and was {} in the first window; its slope is {} a window",
                         short_number(mean), short_number(first_), short_number(3 * slope));
    });
    // One batch is a noisy beginning: what the loss comes back to after the leap is a better one.
    if (std::exchange(leapt_, false)) first_ = std::min(first_, mean);
  }

 private:
  std::vector<double> thirds() const {
    std::vector<double> means;
    for (std::size_t k = 0; k < 3; ++k) {
      const auto at = losses_.begin();
      means.push_back(mean_of({at + long(k * losses_.size() / 3), at + long((k + 1) * losses_.size() / 3)}));
    }
    return means;
  }
  std::vector<double> losses_;
  double begin_ = NAN, first_ = NAN;
  bool leapt_ = false;
};

class LossRises : public Rule {
 public:
  LossRises()
      : Rule({"R27",
              "the smoothed loss is far above its minimum",
              Severity::error,
              5,
              {{"times", 2}, {"of_first", 0.25}},
              "lower --lr\nclip the gradients\ngo back to the best checkpoint"}) {}
  void step(const Patient& p) override {
    if (!p.has_scalar("train/loss") || std::isnan(p.loss.smooth)) return;
    const double high = std::max(limit("times") * p.loss.least, p.loss.least + limit("of_first") * p.loss.first);
    check(p, 0, "", evidence(p.row.step > 20 && p.loss.smooth >= high, p.loss.smooth, high), [&] {
      return fmt::format("the loss has risen to {} from {}", short_number(p.loss.smooth), short_number(p.loss.least));
    });
  }
};

class Oscillation : public Rule {
 public:
  Oscillation()
      : Rule({"R28",
              "the loss goes up and down by more than its mean, while it does not fall",
              Severity::warning,
              2,
              {{"turns", 0.6}, {"swing", 1}, {"of_first", 0.5}},
              "use larger batches\nlower --lr"}) {}
  void step(const Patient& p) override {
    if (!p.has_scalar("train/loss") || !std::isfinite(p.loss.last)) return;
    losses_.push_back(p.loss.last);
    if (losses_.size() < 50) return;
    long turns = 0;
    double swing = 0;
    for (std::size_t k = 1; k < losses_.size(); ++k)
      swing += std::abs(losses_[k] - losses_[k - 1]) / double(losses_.size() - 1);
    for (std::size_t k = 2; k < losses_.size(); ++k)
      turns += (losses_[k] - losses_[k - 1]) * (losses_[k - 1] - losses_[k - 2]) < 0;
    const double share = double(turns) / double(losses_.size() - 2), mean = mean_of(losses_);
    losses_.clear();
    const bool fails =
        share > limit("turns") && swing > limit("swing") * mean && mean > limit("of_first") * p.loss.first;
    check(p, 0, "", evidence(fails, swing / mean, limit("swing")), [&] {
      return fmt::format("the loss turns round at {:.0f} % of the steps and swings by {:.0f} % of its mean",
                         100 * share, 100 * swing / mean);
    });
  }

 private:
  std::vector<double> losses_;
};

class Stall : public Rule {
 public:
  Stall()
      : Rule({"R47",
              "a step took far longer than usual",
              Severity::warning,
              1,
              {{"times", 10}, {"least", 30}},
              "look at the disk and at other programs on this machine"}) {}
  void step(const Patient& p) override {
    const double seconds = p.scalar("time/step");
    if (std::isnan(seconds)) return;
    if (seconds > limit("least") && times_.values().size() >= 5) {
      const double usual = median_of(times_.values()), high = std::max(limit("least"), limit("times") * usual);
      check(p, 0, "", evidence(seconds > high, seconds, high),
            [&] { return fmt::format("step {} took {:.1f} s, where {:.2f} s are usual", p.row.step, seconds, usual); });
    }
    times_.push(seconds);
  }

 private:
  Window times_{50};
};

class SlowLoader : public Rule {
 public:
  SlowLoader()
      : Rule({"R48",
              "waiting for data takes a large share of the step",
              Severity::warning,
              20,
              {{"share", 0.3}},
              "read the data once and keep it in memory\nprepare the next batch while this one is computed"}) {}
  void step(const Patient& p) override {
    const double share = p.scalar("time/load") / p.scalar("time/step");
    if (std::isnan(share)) return;
    check(p, 0, "", evidence(share > limit("share"), share, limit("share")),
          [&] { return fmt::format("{:.0f} % of a step are spent on waiting for its batch", 100 * share); });
  }
};

}  // namespace

void add_loss_rules(Rules& rules) {
  rules.push_back(std::make_unique<NoProgress>());
  rules.push_back(std::make_unique<LossRises>());
  rules.push_back(std::make_unique<Oscillation>());
  rules.push_back(std::make_unique<Stall>());
  rules.push_back(std::make_unique<SlowLoader>());
}

}  // namespace heartbeat
