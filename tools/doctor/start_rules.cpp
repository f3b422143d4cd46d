// What can be said before training has begun: data, initial values, the first loss.
#include <fmt/format.h>

#include "tools/doctor/rule.h"

namespace heartbeat {
namespace {

class UnevenStart : public Rule {
 public:
  UnevenStart()
      : Rule({"R21",
              "within 10 steps: variance times fan-in of the matrices differs",
              Severity::warning,
              5,
              {{"ratio", 100}},
              "start every layer with variance near 1 / fan_in"}) {}
  void step(const Patient& p) override {
    if (p.row.step > 10) return;
    double least = INFINITY, most = 0;
    std::size_t where = 0;
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& v = p.pulse(Quantity::parameter, t);
      if (!p.tensors[t].matrix || v.n < 64) continue;
      const double scale = v.variance() * p.tensors[t].fan_in;
      if (scale < 1e-3) continue;  // starts at 0, on purpose
      least = std::min(least, scale);
      if (scale > most) most = scale, where = t;
    }
    if (most == 0) return;
    check(p, 0, p.tensors[where].row.name, evidence(most / least > limit("ratio"), most / least, limit("ratio")), [&] {
      return fmt::format("{} starts with {:.0f} times the variance per input of the smallest matrix",
                         p.tensors[where].row.name, most / least);
    });
  }
};

class ConstantStart : public Rule {
 public:
  ConstantStart()
      : Rule({"R22",
              "a matrix starts as one constant other than 0",
              Severity::error,
              1,
              {},
              "draw initial values at random: units that start alike stay alike"}) {}
  void step(const Patient& p) override {
    if (p.row.step > 1) return;
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& v = p.pulse(Quantity::parameter, t);
      if (p.tensors[t].row.shape.size() < 2 || v.finite < 4) continue;
      const bool constant = v.stats->min == v.stats->max && v.stats->min != 0;
      check(p, t, p.tensors[t].row.name, evidence(constant, v.variance(), 0), [&] {
        return fmt::format("all values of {} start as {}: its units can never differ", p.tensors[t].row.name,
                           short_number(v.stats->min));
      });
    }
  }
};

class OutputBias : public Rule {
 public:
  OutputBias()
      : Rule({"R23",
              "the last bias does not carry the rates of the classes",
              Severity::information,
              1,
              {{"off", 1}},
              "start the last bias at log(p / (1 - p)), p the share of positives"}) {}
  void step(const Patient& p) override {
    const double wanted = p.fact("plan/output_bias");
    if (p.row.step > 1 || std::isnan(wanted)) return;
    for (std::size_t t = p.tensors.size(); t-- > 0;) {
      if (p.tensors[t].row.shape.size() != 1) continue;
      const Pulse& b = p.pulse(Quantity::parameter, t);
      if (b.finite == 0) return;
      const double off = std::abs(b.mean - wanted);
      check(p, 0, p.tensors[t].row.name, evidence(off > limit("off"), b.mean, wanted), [&] {
        return fmt::format("{} starts at {} on average, where the rates of the classes ask for {}",
                           p.tensors[t].row.name, short_number(b.mean), short_number(wanted));
      });
      return;
    }
  }
};

class FirstLoss : public Rule {
 public:
  FirstLoss()
      : Rule({"R24",
              "the first loss is far above that of guessing by the rates alone",
              Severity::warning,
              1,
              {{"times", 1.5}},
              "start the last layer smaller\nlook at labels and loss: is it the mean over the classes meant?"}) {}
  void step(const Patient& p) override {
    const double chance = p.fact("plan/chance_loss"), loss = p.loss.last, most = limit("times") * chance;
    if (p.row.step > 1 || std::isnan(chance) || !std::isfinite(loss)) return;
    check(p, 0, "", evidence(loss > most, loss, most), [&] {
      return fmt::format("the first loss is {}, and guessing by the rates alone has {}", short_number(loss),
                         short_number(chance));
    });
  }
};

class UnevenClasses : public Rule {
 public:
  UnevenClasses()
      : Rule({"R43",
              "class or contact ratio without weights",
              Severity::warning,
              1,
              {{"ratio", 10}},
              "weigh the rare class by the square root of the ratio\ndraw batches that hold more of it"}) {}
  void evaluation(const Patient& p) override {
    const double ratio = p.fact("plan/class_ratio");
    if (p.row.step || std::isnan(ratio) || p.fact("plan/weighted") != 0) return;
    check(p, 0, "", evidence(ratio > limit("ratio"), ratio, limit("ratio")), [&] {
      return fmt::format(
          "the most frequent class has {:.0f} times the examples of the rarest, and the loss does not "
          "weigh them; a weight of {:.1f} for the rare one would",
          ratio, std::sqrt(ratio));
    });
  }
};

class InputScale : public Rule {
 public:
  InputScale()
      : Rule({"R45",
              "inputs are not centred, or not of unit size",
              Severity::warning,
              1,
              {{"mean", 0.5}, {"least", 0.5}, {"most", 2}},
              "subtract the mean of the training data and divide by its deviation"}) {}
  void evaluation(const Patient& p) override {
    const double mean = p.fact("plan/input_mean"), deviation = p.fact("plan/input_std");
    if (p.row.step || std::isnan(mean)) return;
    const bool off = std::abs(mean) > limit("mean");
    const bool wide = deviation > limit("most") || deviation < limit("least");
    check(p, 0, "",
          evidence(off || wide, off ? mean : deviation, off ? limit("mean") : limit(deviation > 1 ? "most" : "least")),
          [&] {
            return fmt::format("inputs have the mean {} and the deviation {}, where 0 and 1 are best",
                               short_number(mean), short_number(deviation));
          });
  }
};

class UnknownResidues : public Rule {
 public:
  UnknownResidues()
      : Rule({"R46",
              "many unknown residues in the training data (nothing is padded here)",
              Severity::warning,
              1,
              {{"unknown", 0.05}},
              "look at the report of prepare_contacts: which files hold so many X?"}) {}
  void evaluation(const Patient& p) override {
    const double share = p.fact("plan/unknown_residues");
    if (p.row.step || std::isnan(share)) return;
    check(p, 0, "", evidence(share > limit("unknown"), share, limit("unknown")),
          [&] { return fmt::format("{:.1f} % of the training residues are unknown", 100 * share); });
  }
};

}  // namespace

void add_start_rules(Rules& rules) {
  rules.push_back(std::make_unique<UnevenStart>());
  rules.push_back(std::make_unique<ConstantStart>());
  rules.push_back(std::make_unique<OutputBias>());
  rules.push_back(std::make_unique<FirstLoss>());
  rules.push_back(std::make_unique<UnevenClasses>());
  rules.push_back(std::make_unique<InputScale>());
  rules.push_back(std::make_unique<UnknownResidues>());
}

}  // namespace heartbeat
