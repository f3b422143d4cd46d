// How large the steps are that parameters take: update ratios, rates, clipping.
#include <fmt/format.h>

#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"

namespace heartbeat {
namespace {

struct Ratios {
  std::vector<double> values;  // of the matrices that have one
  std::vector<std::size_t> tensors;
  explicit Ratios(const Patient& p) {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      if (!p.tensors[t].matrix) continue;
      const double r = p.update_ratio(t);
      if (!std::isnan(r)) values.push_back(r), tensors.push_back(t);
    }
  }
};

class SmallUpdates : public Rule {
 public:
  SmallUpdates()
      : Rule({"R15",
              "median update ratio of the matrices is tiny, the rate at its height and the loss where it began",
              Severity::warning,
              50,
              {{"low", 1e-5}, {"loss_share", 0.5}},
              "raise --lr: updates of a thousandth of the weights are usual\nlower --weight-decay"}) {}
  void step(const Patient& p) override {
    if (!p.warm || p.rate() < 0.1 * p.peak_rate) return;
    const Ratios ratios(p);
    if (ratios.values.empty()) return;
    const double median = median_of(ratios.values);
    const bool fails = median < limit("low") && median > 0 && p.loss.smooth > limit("loss_share") * p.loss.first;
    check(p, 0, "", evidence(fails, median, limit("low")), [&] {
      return fmt::format("updates are {} of the weights in the median matrix: training hardly moves",
                         short_number(median));
    });
  }
};

class LargeUpdates : public Rule {
 public:
  LargeUpdates()
      : Rule({"R16",
              "update ratio of a matrix is large; E at once if the median's is",
              Severity::warning,
              20,
              {{"high", 0.1}, {"error", 0.3}, {"median", 0.3}},
              "lower --lr\nclip the gradients\nlengthen --warmup"}) {}
  void step(const Patient& p) override {
    const double median = median_of(Ratios(p).values);
    check(p, 2 * p.tensors.size(), "", {median > limit("median"), median, limit("median"), Severity::error, 3}, [&] {
      return fmt::format("an update is {} of the values in the median matrix: every step starts anew",
                         short_number(median));
    });
    if (!p.warm) return;
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const double ratio = p.tensors[t].matrix ? p.update_ratio(t) : NAN;
      if (std::isnan(ratio)) continue;
      const auto sentence = [&] {
        return fmt::format("an update of {} is {} of its values", p.tensors[t].row.name, short_number(ratio));
      };
      const std::string& name = p.tensors[t].row.name;
      check(p, 2 * t, name, evidence(ratio > limit("high"), ratio, limit("high")), sentence);
      check(p, 2 * t + 1, name, {ratio > limit("error"), ratio, limit("error"), Severity::error, spec().patience},
            sentence);
    }
  }
};

class UnevenUpdates : public Rule {
 public:
  UnevenUpdates()
      : Rule({"R17",
              "largest update ratio over the median of the matrices",
              Severity::warning,
              50,
              {{"ratio", 100}},
              "give this module a rate of its own\nlook at the scale of its gradients"}) {}
  void step(const Patient& p) override {
    if (!p.warm) return;
    const Ratios ratios(p);
    if (ratios.values.size() < 3) return;
    const double median = median_of(ratios.values);
    const auto most = std::max_element(ratios.values.begin(), ratios.values.end());
    const std::string& name = p.tensors[ratios.tensors[std::size_t(most - ratios.values.begin())]].row.name;
    check(p, 0, name, evidence(median > 0 && *most > limit("ratio") * median, *most / median, limit("ratio")),
          [&] { return fmt::format("{} moves {:.0f} times as fast as the median matrix", name, *most / median); });
  }
};

class DegenerateWeights : public Rule {
 public:
  DegenerateWeights()
      : Rule({"R42",
              "nearly all of a matrix below 1e-5, or of one sign",
              Severity::warning,
              20,
              {{"share", 0.95}, {"numel", 100}},
              "lower --weight-decay\nlook whether the module still learns: R11 and R15"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& v = p.pulse(Quantity::parameter, t);
      if (!p.tensors[t].matrix || v.finite < limit("numel")) continue;
      constexpr int kTiny = 48;  // bins this far from that of 0 end at 1.5 * 2^-17 = 1.14e-5
      double tiny = v.zero, positive = 0;
      for (int k = kZeroBin + 1; k < kNanBin; ++k) positive += double(v.stats->bins[k]);
      for (int k = 1; k <= kTiny; ++k) tiny += double(v.stats->bins[kZeroBin + k] + v.stats->bins[kZeroBin - k]);
      const double one_sign = std::max(positive, v.finite - v.zero - positive) / v.finite, small = tiny / v.finite;
      const double share = std::max(small, one_sign);
      check(p, t, p.tensors[t].row.name, evidence(share > limit("share"), share, limit("share")), [&] {
        return fmt::format(
            "{:.0f} % of {} {}", 100 * share, p.tensors[t].row.name,
            small > limit("share") ? "are below 1e-5 in magnitude: the weights have faded away" : "have one sign");
      });
    }
  }
};

class Clipping : public Rule {
 public:
  Clipping()
      : Rule({"R50",
              "clipped at nearly all of the last steps, and hard",
              Severity::warning,
              1,
              {{"share", 0.9}, {"window", 200}, {"factor", 0.02}},
              "raise --clip: as it is, the rate is what the clipping makes of it\nlower --lr"}) {}
  void step(const Patient& p) override {
    if (!(p.row.clip_factor <= 1)) return;
    factors_.push(p.row.clip_factor);
    if (++seen_ < 100 || seen_ % 50) return;
    double clipped = 0;
    for (const double f : factors_.values()) clipped += f < 1;
    clipped /= double(factors_.values().size());
    if (clipped == 0) return;
    const double median = median_of(factors_.values());
    check(p, 0, "", evidence(clipped > limit("share") && median < limit("factor"), median, limit("factor")), [&] {
      return fmt::format("gradients were clipped at {:.0f} % of the last steps, to {} of their size in the median",
                         100 * clipped, short_number(median));
    });
  }

 private:
  Window factors_{200};
  long seen_ = 0;
};

class RateJump : public Rule {
 public:
  RateJump()
      : Rule({"R51",
              "the learning rate is 0, or jumps between two steps",
              Severity::warning,
              1,
              {{"jump", 10}},
              "look at the schedule: does it count steps as the trainer does?"}) {}
  void step(const Patient& p) override {
    const double rate = p.rate();
    if (std::isnan(rate)) return;
    check(p, 0, "", evidence(rate == 0, rate, 0),
          [] { return std::string("the learning rate is 0: nothing is learned"); });
    const double jump = before_ > 0 && rate > 0 ? std::max(rate / before_, before_ / rate) : 1;
    check(p, 1, "", evidence(jump > limit("jump"), jump, limit("jump")), [&] {
      return fmt::format("the learning rate went from {} to {} between two steps", short_number(before_),
                         short_number(rate));
    });
    before_ = rate;
  }

 private:
  double before_ = 0;
};

}  // namespace

void add_update_rules(Rules& rules) {
  rules.push_back(std::make_unique<SmallUpdates>());
  rules.push_back(std::make_unique<LargeUpdates>());
  rules.push_back(std::make_unique<UnevenUpdates>());
  rules.push_back(std::make_unique<DegenerateWeights>());
  rules.push_back(std::make_unique<Clipping>());
  rules.push_back(std::make_unique<RateJump>());
}

}  // namespace heartbeat
