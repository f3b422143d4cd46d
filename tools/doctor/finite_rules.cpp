// Numbers that are none, and numbers on their way there.
#include <fmt/format.h>

#include "tools/doctor/rule.h"

namespace heartbeat {
namespace {

std::string counted(const Pulse& p) {
  return fmt::format("{:.0f} of {:.0f} are NaN and {:.0f} infinite", p.nan, p.n, p.infinite);
}

class LossNotFinite : public Rule {
 public:
  LossNotFinite()
      : Rule({"R01",
              "the loss is not finite",
              Severity::fatal,
              1,
              {},
              "stop and start again from the last checkpoint with a lower --lr\n"
              "look at R02, R03 and R05 for where it began"}) {}
  void step(const Patient& p) override { look(p, "train/loss"); }
  void evaluation(const Patient& p) override {
    for (const char* name : {"valid/loss", "test/loss"}) look(p, name);
  }

 private:
  void look(const Patient& p, const char* name) {
    if (!p.has_scalar(name)) return;
    const double loss = p.scalar(name);
    check(p, 0, "", evidence(!std::isfinite(loss), loss, 0),
          [&] { return fmt::format("{} is {}, and no later step can mend that", name, short_number(loss)); });
  }
};

class GradientNotFinite : public Rule {
 public:
  GradientNotFinite()
      : Rule({"R02",
              "a gradient is not finite; a skipped step is I, 10 in a row E",
              Severity::fatal,
              1,
              {{"skipped", 10}},
              "lower --lr, or clip the gradients\nlook for a logarithm or a division of 0 in the loss"}) {}
  void step(const Patient& p) override {
    const std::size_t n = p.tensors.size();
    check(p, 2 * n + 1, "", {p.row.skipped, 1, 1, Severity::information, 1},
          [] { return std::string("the step was skipped, since its gradients were not finite"); });
    check(p, 2 * n + 2, "",
          {p.row.skipped, limit("skipped"), limit("skipped"), Severity::error, long(limit("skipped"))}, [&] {
            return fmt::format("{:.0f} steps in a row were skipped, since their gradients were not finite",
                               limit("skipped"));
          });
    if (p.row.skipped) return;
    for (std::size_t t = 0; t < n; ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      check(p, t, p.tensors[t].row.name, evidence(!g.all_finite(), g.n - g.finite, 0),
            [&] { return fmt::format("of the gradients of {} {}", p.tensors[t].row.name, counted(g)); });
    }
    if (p.pulses[int(Quantity::gradient)].empty() && p.has_scalar("gradients/global_norm")) {
      const double norm = p.scalar("gradients/global_norm");
      check(p, 2 * n, "", evidence(!std::isfinite(norm), norm, 0),
            [&] { return fmt::format("the norm of all gradients is {}", short_number(norm)); });
    }
  }
};

class ParameterNotFinite : public Rule {
 public:
  ParameterNotFinite()
      : Rule({"R03",
              "a parameter is not finite, or is about to be",
              Severity::fatal,
              1,
              {},
              "go back to the last checkpoint: this model is lost\nlower --lr, or clip the gradients"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse &value = p.pulse(Quantity::parameter, t), &update = p.pulse(Quantity::update, t);
      const Pulse& bad = value.all_finite() ? update : value;
      check(p, t, p.tensors[t].row.name, evidence(!bad.all_finite(), bad.n - bad.finite, 0), [&] {
        return fmt::format("of the {} {} {}", &bad == &value ? "values of" : "updates of", p.tensors[t].row.name,
                           counted(bad));
      });
    }
  }
};

class ActivationNotFinite : public Rule {
 public:
  ActivationNotFinite()
      : Rule({"R04",
              "an activation is not finite; the first in the order of the forward pass",
              Severity::fatal,
              1,
              {},
              "look at the input and the parameters of the layer that is named: what feeds it was still finite"}) {}
  void step(const Patient& p) override {
    constexpr std::string_view prefix = "activations/not_finite/";
    for (const auto& [name, value] : *p.scalars)
      if (name.rfind(prefix, 0) == 0)
        check(p, 0, name.substr(prefix.size()), evidence(value > 0, value, 0), [&] {
          return fmt::format(
              "{:.0f} values that leave {} are not finite, and it is the first such layer of the "
              "forward pass",
              value, name.substr(prefix.size()));
        });
  }
};

class NearOverflow : public Rule {
 public:
  NearOverflow()
      : Rule({"R05",
              "largest magnitude near the end of f32, or doubling again and again",
              Severity::warning,
              1,
              {{"largest", 1e30}, {"doublings", 5}, {"within", 20}, {"above", 1}},
              "lower --lr\nlower --weight-decay: rate times decay above 2 makes weights larger at every step\n"
              "clip the gradients"}) {}
  void step(const Patient& p) override {
    grows_.resize(p.tensors.size());
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const std::string& name = p.tensors[t].row.name;
      for (const Quantity q : {Quantity::parameter, Quantity::gradient}) {
        const double largest = p.pulse(q, t).largest;
        check(p, 2 * t, name, evidence(largest > limit("largest"), largest, limit("largest")), [&] {
          return fmt::format("{}/{} reaches {}, and f32 ends at 3.4e38", name_of(q), name, short_number(largest));
        });
      }
      const Pulse& value = p.pulse(Quantity::parameter, t);
      if (!p.tensors[t].matrix || value.n == 0) continue;
      Growth& g = grows_[t];
      if (g.reference == 0 || p.row.step - g.step > long(limit("within"))) {
        g = {value.largest, p.row.step, 0};
      } else if (value.largest >= 2 * g.reference) {
        g = {value.largest, p.row.step, g.doublings + int(std::log2(value.largest / g.reference))};
      }
      check(p, 2 * t + 1, name,
            {g.doublings >= limit("doublings") && value.largest > limit("above"), value.largest, limit("above"),
             Severity::error, 1},
            [&] {
              return fmt::format("the largest value of {} has doubled {} times in quick succession and is now {}", name,
                                 g.doublings, short_number(value.largest));
            });
    }
  }

 private:
  struct Growth {
    double reference = 0;
    long step = 0;
    int doublings = 0;
  };
  std::vector<Growth> grows_;
};

class HugeWeights : public Rule {
 public:
  HugeWeights()
      : Rule({"R41",
              "mean magnitude of a matrix above a limit, or far beyond any start and still doubling",
              Severity::warning,
              5,
              {{"huge", 1e8}, {"times_start", 8}, {"window", 50}},
              "lower --lr\nadd --weight-decay"}) {}
  void step(const Patient& p) override {
    history_.resize(p.tensors.size());
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& value = p.pulse(Quantity::parameter, t);
      if (!p.tensors[t].matrix || value.n == 0) continue;
      // In units of PyTorch's start, uniform in +-1/sqrt(fan_in).
      const double scale = value.abs_mean * 2 * std::sqrt(p.tensors[t].fan_in);
      auto& [before, now, since] = history_[t];
      if (now == 0 || p.row.step - since >= long(limit("window")))
        before = now == 0 ? scale : now, now = scale, since = p.row.step;
      const bool doubling = scale > limit("times_start") && scale > 2 * before;
      check(p, t, p.tensors[t].row.name,
            evidence(value.abs_mean > limit("huge") || doubling, doubling ? scale : value.abs_mean,
                     doubling ? limit("times_start") : limit("huge")),
            [&] {
              return fmt::format(
                  "weights of {} are {:.3g} times as large as at a usual start, and have doubled within "
                  "{:.0f} steps",
                  p.tensors[t].row.name, scale, 2 * limit("window"));
            });
    }
  }

 private:
  struct History {
    double before = 0, now = 0;
    long since = 0;
  };
  std::vector<History> history_;
};

}  // namespace

void add_finite_rules(Rules& rules) {
  rules.push_back(std::make_unique<NearOverflow>());  // first: it comes before the others can
  rules.push_back(std::make_unique<ActivationNotFinite>());
  rules.push_back(std::make_unique<LossNotFinite>());
  rules.push_back(std::make_unique<GradientNotFinite>());
  rules.push_back(std::make_unique<ParameterNotFinite>());
  rules.push_back(std::make_unique<HugeWeights>());
}

}  // namespace heartbeat
