// Judgements on what a trainer measures when it is asked to: activations and ablations.
#include <fmt/format.h>

#include <numeric>

#include "tools/doctor/rule.h"

namespace heartbeat {
namespace {

class DeadUnits : public Rule {
 public:
  DeadUnits()
      : Rule({"R18",
              "many ReLU units are active for no example of the batch (--watch-activations)",
              Severity::warning,
              20,
              {{"share", 0.5}, {"error", 0.9}},
              "lower --lr\nstart biases at 0 or above\nuse SiLU"}) {}
  void step(const Patient& p) override {
    each(*p.scalars, "activations/dead/", [&](std::size_t key, const std::string& place, double share) {
      const auto sentence = [&] {
        return fmt::format("{:.0f} % of the units of {} are never active", 100 * share, place);
      };
      check(p, 2 * key, place, evidence(share > limit("share"), share, limit("share")), sentence);
      check(p, 2 * key + 1, place, {share > limit("error"), share, limit("error"), Severity::error, spec().patience},
            sentence);
    });
  }
};

class SaturatedUnits : public Rule {
 public:
  SaturatedUnits()
      : Rule({"R19",
              "most values that leave a sigmoid or tanh are near its ends (--watch-activations)",
              Severity::warning,
              20,
              {{"share", 0.7}},
              "look at the scale of what comes in: inputs, embeddings, initial weights\nlower --lr\nadd a norm before "
              "it"}) {}
  void step(const Patient& p) override {
    each(*p.scalars, "activations/saturated/", [&](std::size_t key, const std::string& place, double share) {
      check(p, key, place, evidence(share > limit("share"), share, limit("share")), [&] {
        return fmt::format(
            "{:.0f} % of what leaves {} is outside 0.05 to 0.95 of its range: little gradient passes there",
            100 * share, place);
      });
    });
  }
};

class ActivationScale : public Rule {
 public:
  ActivationScale()
      : Rule({"R20",
              "deviation of the activations drifts with depth, beyond 0.5 to 2 (--watch-activations)",
              Severity::information,
              20,
              {{"drift", 8}},
              "start every layer with variance near 1 / fan_in, twice that before ReLU\nadd norms"}) {}
  void step(const Patient& p) override {
    double least = INFINITY, most = 0;
    std::string where;
    each(*p.scalars, "activations/std/", [&](std::size_t, const std::string& place, double deviation) {
      if (deviation < least) least = deviation, where = place;
      most = std::max(most, deviation);
    });
    if (where.empty()) return;
    const double drift = most / least;
    const bool beyond = most > 2 || least < 0.5;
    check(p, 0, where, evidence(beyond && !(drift < limit("drift")), drift, limit("drift")), [&] {
      return fmt::format("activations have deviations from {} to {}, the least in {}", short_number(least),
                         short_number(most), where);
    });
  }
};

class UselessModule : public Rule {
 public:
  UselessModule()
      : Rule({"R38",
              "the loss is no worse without a module, beyond two standard errors of the test (--ablate)",
              Severity::warning,
              1,
              {{"share", 0.001}, {"errors", 2}},
              "leave the module out: the run costs less and knows as much"}) {}
  void step(const Patient& p) override {
    if (p.pulses[int(Quantity::update)].empty()) return;
    moved_.resize(p.tensors.size());
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& u = p.pulse(Quantity::update, t);
      moved_[t] += u.rms * u.rms * p.tensors[t].numel;
    }
  }
  void evaluation(const Patient& p) override {
    each(*p.scalars, "ablate/", [&](std::size_t key, const std::string& place, double change) {
      double own = 0, all = 0;
      for (std::size_t t = 0; t < moved_.size(); ++t) {
        all += moved_[t];
        const std::string& name = p.tensors[t].row.name;
        if (name == place || name.rfind(place + ".", 0) == 0) own += moved_[t];
      }
      // Of a finite test; 0 where it is not known.
      const double known = p.scalar("ablate_error/" + place), error = std::isnan(known) ? 0 : known;
      const double most = limit("share") + limit("errors") * error;
      check(p, key, place, evidence(change < most, change, most), [&] {
        return fmt::format("without {} the loss changes by {:+.2f} %{}, and {:.2g} % of all movement was its own",
                           place, 100 * change, error > 0 ? fmt::format(" +- {:.2f}", 100 * error) : "",
                           all > 0 ? 100 * own / all : 0);
      });
    });
  }

 private:
  std::vector<double> moved_;  // sum of squared updates
};

}  // namespace

void add_trial_rules(Rules& rules) {
  rules.push_back(std::make_unique<DeadUnits>());
  rules.push_back(std::make_unique<SaturatedUnits>());
  rules.push_back(std::make_unique<ActivationScale>());
  rules.push_back(std::make_unique<UselessModule>());
}

}  // namespace heartbeat
