// Gradients that vanish, explode, or are exactly nothing.
#include <fmt/format.h>

#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"

namespace heartbeat {
namespace {

class TinyGradient : public Rule {
 public:
  TinyGradient()
      : Rule({"R07",
              "mean magnitude of a matrix's gradient is tiny while the loss is not",
              Severity::warning,
              10,
              {{"least", 1e-8}, {"loss_share", 0.5}},
              "use ReLU or SiLU in place of saturating units\nadd residual connections or norms\n"
              "start with larger weights"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      if (!p.tensors[t].matrix || g.n == 0) continue;
      const bool fails = g.all_finite() && g.zero < g.n && g.abs_mean < limit("least") &&
                         p.loss.smooth > limit("loss_share") * p.loss.first;
      check(p, t, p.tensors[t].row.name, evidence(fails, g.abs_mean, limit("least")), [&] {
        return fmt::format("gradients of {} are {} on average: next to nothing reaches it", p.tensors[t].row.name,
                           short_number(g.abs_mean));
      });
    }
  }
};

// Norm of the first matrix's gradient over that of the last.
double first_over_last(const Patient& p) {
  if (p.first_matrix < 0 || p.first_matrix == p.last_matrix) return NAN;
  return p.norm(Quantity::gradient, std::size_t(p.first_matrix)) /
         p.norm(Quantity::gradient, std::size_t(p.last_matrix));
}

class VanishingGradients : public Rule {
 public:
  VanishingGradients()
      : Rule({"R08",
              "gradient norm of the first matrix far below that of the last, and small",
              Severity::warning,
              10,
              {{"ratio", 1e-3}, {"norm", 1e-4}},
              "use ReLU or SiLU in place of saturating units\nadd residual connections or norms\nuse fewer layers"}) {}
  void step(const Patient& p) override {
    const double ratio = first_over_last(p);
    if (std::isnan(ratio)) return;
    const double norm = p.norm(Quantity::gradient, std::size_t(p.first_matrix));
    const std::string& name = p.tensors[p.first_matrix].row.name;
    check(p, 0, name, evidence(norm > 0 && ratio < limit("ratio") && norm < limit("norm"), ratio, limit("ratio")), [&] {
      return fmt::format("the gradient of {} has the norm {}, a {:.0f}th of that of {}: it vanishes on the way down",
                         name, short_number(norm), 1 / ratio, p.tensors[p.last_matrix].row.name);
    });
  }
};

class ExplodingGradients : public Rule {
 public:
  ExplodingGradients()
      : Rule({"R09",
              "gradient norm of the first matrix far above that of the last; E if the loss rises",
              Severity::warning,
              5,
              {{"ratio", 70}},
              "start with smaller weights\nadd norms between the layers\nclip the gradients"}) {}
  void step(const Patient& p) override {
    const double ratio = first_over_last(p);
    if (!std::isfinite(ratio)) return;
    const bool rises = p.warm && p.loss.smooth > 1.2 * p.loss.first;
    const std::string& name = p.tensors[p.first_matrix].row.name;
    Evidence e = evidence(ratio > limit("ratio"), ratio, limit("ratio"));
    if (rises) e.severity = Severity::error;
    check(p, 0, name, e, [&] {
      return fmt::format("the gradient of {} is {:.0f} times that of {}: it explodes on the way down", name, ratio,
                         p.tensors[p.last_matrix].row.name);
    });
  }
};

class GradientSpike : public Rule {
 public:
  GradientSpike()
      : Rule({"R10",
              "global norm far above its running median, and above all of the first 50 steps",
              Severity::warning,
              1,
              {{"times", 20}, {"deviations", 8}, {"times_early", 2}},
              "look at the batch of that step: labels, scaling, an outlier\nclip the gradients"}) {}
  void step(const Patient& p) override {
    const double norm = p.scalar("gradients/global_norm");
    if (!std::isfinite(norm)) return;
    if (p.row.step > 50 && norms_.full() && p.warm) {
      // The median costs more than the question whether it matters.
      if (norm > limit("times_early") * early_) {
        const double median = median_of(norms_.values());
        std::vector<double> distances;
        for (const double v : norms_.values()) distances.push_back(std::abs(v - median));
        const double high = std::max(limit("times") * median, median + limit("deviations") * median_of(distances));
        check(p, 0, "", evidence(norm > high, norm, high), [&] {
          return fmt::format("the norm of all gradients is {}, where {} is usual", short_number(norm),
                             short_number(median));
        });
      }
    } else if (p.row.step <= 50) {
      early_ = std::max(early_, norm);
    }
    norms_.push(norm);
  }

 private:
  Window norms_{50};
  double early_ = 0;
};

class NoGradient : public Rule {
 public:
  NoGradient()
      : Rule({"R11",
              "every entry of a gradient is exactly 0",
              Severity::error,
              20,
              {},
              "look whether the loss depends on this module: a detach, a branch that is not used, a weight of 0 above\n"
              "look at R18: units that are never active pass nothing on"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      if (g.n == 0) continue;
      check(p, t, p.tensors[t].row.name, evidence(g.zero == g.n, g.n, 0),
            [&] { return fmt::format("all {:.0f} gradients of {} are exactly 0", g.n, p.tensors[t].row.name); });
    }
  }
};

class SparseGradient : public Rule {
 public:
  SparseGradient()
      : Rule({"R12",
              "most entries of a matrix's gradient are exactly 0 (not of embeddings)",
              Severity::warning,
              20,
              {{"share", 0.7}},
              "lower --lr, or start with other biases: ReLU units below or above have died\n"
              "look at R18 with --watch-activations"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      if (!p.tensors[t].matrix || g.n == 0) continue;
      const double share = g.zero / g.n;
      check(p, t, p.tensors[t].row.name, evidence(share >= limit("share") && share < 1, share, limit("share")), [&] {
        return fmt::format("{:.0f} % of the gradients of {} are exactly 0", 100 * share, p.tensors[t].row.name);
      });
    }
  }
};

class Unchanged : public Rule {
 public:
  Unchanged()
      : Rule({"R13",
              "a parameter stays the same to the bit; says why (frozen on purpose: I)",
              Severity::error,
              20,
              {},
              "give the optimizer this parameter, and the loss a path to it\n"
              "raise --lr if the update is below the spacing of the numbers"}) {}
  void step(const Patient& p) override {
    const bool watched = !p.pulses[int(Quantity::parameter)].empty() && !p.pulses[int(Quantity::update)].empty();
    for (std::size_t t = 0; watched && t < p.tensors.size(); ++t) {
      const Pulse &value = p.pulse(Quantity::parameter, t), &update = p.pulse(Quantity::update, t),
                  &gradient = p.pulse(Quantity::gradient, t);
      if (value.n == 0) continue;
      const bool frozen = !p.tensors[t].row.trainable;
      Evidence e = evidence(update.n == 0 || update.zero == update.n, update.n - update.zero, 1);
      if (frozen) e.severity = Severity::information;
      check(p, t, p.tensors[t].row.name, e, [&] {
        const char* why = frozen                        ? "it is frozen"
                          : gradient.n == 0             ? "no gradient arrives"
                          : gradient.zero == gradient.n ? "its gradient is exactly 0"
                          : p.rate() == 0               ? "the learning rate is 0"
                          : p.row.skipped               ? "the steps are skipped"
                                                        : "its updates are below the spacing of its values";
        return fmt::format("{} has not changed by a bit for {} steps: {}", p.tensors[t].row.name, spec().patience, why);
      });
    }
  }
};

class UntouchedRows : public Rule {
 public:
  UntouchedRows()
      : Rule({"R14",
              "rows of an embedding without a gradient in any step; E if none has one",
              Severity::information,
              200,
              {},
              "look at the ids: are all of the vocabulary in use?\nmake the vocabulary smaller"}) {}
  void step(const Patient& p) override {
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      if (!p.tensors[t].embedding || p.tensors[t].row.shape.empty() || g.n == 0) continue;
      const double rows = double(p.tensors[t].row.shape[0]), untouched = std::floor(rows * g.zero / g.n);
      Evidence e = evidence(untouched >= rows / 2, untouched, rows / 2);
      if (untouched == rows) e.severity = Severity::error, e.patience = std::min(e.patience, 20L);
      // Two keys, so that one kind of failing does not use up the patience of the other.
      check(p, 2 * t + (untouched == rows), p.tensors[t].row.name, e, [&] {
        return fmt::format("{:.0f} of {:.0f} rows of {} get no gradient, step after step", untouched, rows,
                           p.tensors[t].row.name);
      });
    }
  }
};

}  // namespace

void add_gradient_rules(Rules& rules) {
  rules.push_back(std::make_unique<TinyGradient>());
  rules.push_back(std::make_unique<VanishingGradients>());
  rules.push_back(std::make_unique<ExplodingGradients>());
  rules.push_back(std::make_unique<GradientSpike>());
  rules.push_back(std::make_unique<NoGradient>());
  rules.push_back(std::make_unique<SparseGradient>());
  rules.push_back(std::make_unique<Unchanged>());
  rules.push_back(std::make_unique<UntouchedRows>());
}

}  // namespace heartbeat
