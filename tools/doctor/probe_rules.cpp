// Judgements on what --probe measures, see tools/train/probe.h.
#include <fmt/format.h>

#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"

namespace heartbeat {
namespace {

class SummedLoss : public Rule {
 public:
  SummedLoss()
      : Rule({"R25",
              "the loss grows with the batch: it is a sum and no mean (--probe)",
              Severity::warning,
              1,
              {{"ratio", 1.5}},
              "divide the loss by the number of examples: else --batch-size changes the rate\n"
              "look for a reduction over the batch that is missing"}) {}
  void step(const Patient& p) override {
    const double ratio = p.scalar("probe/loss_ratio");
    if (!std::isfinite(ratio)) return;
    check(p, 0, "", evidence(ratio > limit("ratio"), ratio, limit("ratio")), [&] {
      return fmt::format(
          "the loss of a batch is {:.2f} times the mean of its halves': twice the examples, twice the loss", ratio);
    });
  }
};

class InputIgnored : public Rule {
 public:
  InputIgnored()
      : Rule({"R34",
              "the loss is no higher when the inputs are blank, over the last probes (--probe)",
              Severity::warning,
              1,
              {{"gain", 0}, {"window", 10}},
              "look at R11 and R13: does the first layer learn?\nlook at the inputs: do they reach the network?"}) {}
  void step(const Patient& p) override {
    const double gain = p.scalar("probe/blank_gain");
    if (!std::isfinite(gain)) return;
    gains_.push(gain);
    if (!p.warm || double(gains_.values().size()) < limit("window")) return;
    const double median = median_of(gains_.values());
    check(p, 0, "", evidence(median <= limit("gain"), median, limit("gain")), [&] {
      return fmt::format(
          "with blank inputs the loss changes by {:+.2f} % in the median: what is in them does not help the network",
          100 * median);
    });
  }

 private:
  Window gains_{10};
};

class ExamplesMix : public Rule {
 public:
  ExamplesMix()
      : Rule({"R37",
              "the output for one example depends on another of the batch (--probe)",
              Severity::error,
              1,
              {{"leak", 1e-5}},
              "look for a softmax, a norm or a mean over the axis of the batch\n"
              "look for a reshape that takes the batch for another axis"}) {}
  void step(const Patient& p) override {
    const double leak = p.scalar("probe/leak");
    if (std::isnan(leak)) return;
    check(p, 0, "", evidence(leak > limit("leak"), leak, limit("leak")), [&] {
      return fmt::format("blanking the last example of the batch moves the outputs for the others by {} of the largest",
                         short_number(leak));
    });
  }
};

class NoisyGradient : public Rule {
 public:
  NoisyGradient()
      : Rule({"R39",
              "gradients of two half-batches hardly agree, over the last 50 probes (--probe)",
              Severity::information,
              1,
              {{"ratio", 0.05}, {"window", 50}},
              "use larger batches\nlower --lr: the steps are mostly noise"}) {}
  void step(const Patient& p) override {
    const double signal = p.scalar("probe/signal"), noise = p.scalar("probe/noise");
    if (!std::isfinite(signal) || !std::isfinite(noise)) return;
    signals_.push_back(signal), noises_.push_back(noise);
    if (double(signals_.size()) < limit("window")) return;
    const double ratio = mean_of(signals_) / mean_of(noises_);
    signals_.clear(), noises_.clear();
    check(p, 0, "", evidence(ratio < limit("ratio"), ratio, limit("ratio")), [&] {
      return fmt::format("the squared gradient that half-batches agree on is {} of their noise", short_number(ratio));
    });
  }

 private:
  std::vector<double> signals_, noises_;
};

class StepLength : public Rule {
 public:
  StepLength()
      : Rule({"R40",
              "steps end far from the minimum along their direction, in the median of 10 probes (--probe)",
              Severity::information,
              2,
              {{"low", -0.5}, {"high", 0.8}, {"window", 10}},
              "raise --lr where it is below, lower it where it is above"}) {}
  void step(const Patient& p) override {
    const double alpha = p.scalar("probe/alpha");
    if (!std::isfinite(alpha)) return;
    alphas_.push_back(alpha);
    if (double(alphas_.size()) < limit("window")) return;
    const double median = median_of(std::exchange(alphas_, {}));
    const bool far = median > limit("high"), near = median < limit("low");
    // Two keys: too short and too long in turn are neither.
    check(p, 0, "", evidence(near, median, limit("low")), [&] {
      return fmt::format("steps end at {:.2f}, where -1 is their start and 0 the minimum along them: they are short",
                         median);
    });
    check(p, 1, "", evidence(far, median, limit("high")), [&] {
      return fmt::format(
          "steps end at {:.2f}, where 0 is the minimum along them and 1 as high as they began: they are "
          "too long",
          median);
    });
  }

 private:
  std::vector<double> alphas_;
};

}  // namespace

void add_probe_rules(Rules& rules) {
  rules.push_back(std::make_unique<SummedLoss>());
  rules.push_back(std::make_unique<InputIgnored>());
  rules.push_back(std::make_unique<ExamplesMix>());
  rules.push_back(std::make_unique<NoisyGradient>());
  rules.push_back(std::make_unique<StepLength>());
}

}  // namespace heartbeat
