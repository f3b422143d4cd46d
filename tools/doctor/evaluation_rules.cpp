// Tests, validations and predictions: does the model know anything, and does it know more than the training data?
#include <fmt/format.h>

#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"
#include "tools/log/rows.h"

namespace heartbeat {
namespace {

// What an evaluation reached, and what needs no network: accuracy for classes, mean AUPRC for contact maps.
struct Metric {
  const char* name = nullptr;
  double value = NAN, baseline = NAN, prior = NAN;
};

double mean_auprc(const std::string& prefix, const Scalars& scalars) {
  std::vector<double> values;
  for (const auto& [name, value] : scalars)
    if (name.rfind(prefix + "/auprc/", 0) == 0 && name.ends_with("/all")) values.push_back(value);
  return mean_of(values);
}

Metric metric_of(const Patient& p) {
  if (p.has_scalar("test/accuracy"))
    return {"test/accuracy", p.scalar("test/accuracy"), p.fact("plan/chance_accuracy"), p.fact("plan/chance_accuracy")};
  const double auprc = mean_auprc("valid", *p.scalars);
  if (std::isnan(auprc)) return {};
  const Scalars facts(p.facts.begin(), p.facts.end());
  double density = 0, channels = 0;
  for (const auto& [name, value] : *p.scalars)
    if (name.rfind("valid/density/", 0) == 0 && name.ends_with("/all")) density += value, ++channels;
  return {"mean AUPRC", auprc, std::max(mean_auprc("baseline/separation", facts), channels ? density / channels : 0),
          mean_auprc("baseline/prior", facts)};
}

double evaluation_loss(const Patient& p) {
  return p.has_scalar("test/loss") ? p.scalar("test/loss") : p.scalar("valid/loss");
}

// Share of the planned run that is over; 1 where no plan is known.
double progress(const Patient& p) {
  const double steps = p.fact("plan/steps");
  return steps > 0 ? double(p.row.step) / steps : 1;
}

class NoBetterMetric : public Rule {
 public:
  NoBetterMetric()
      : Rule({"R29",
              "the best metric hardly gains over 30 % of the run, and is still near its baseline",
              Severity::warning,
              1,
              {{"gain", 0.01}, {"share", 0.3}, {"evaluations", 4}, {"known", 0.2}},
              "raise --lr\nuse a larger model"}) {}
  void evaluation(const Patient& p) override {
    const Metric m = metric_of(p);
    if (!m.name || std::isnan(m.value) || p.row.step == 0) return;
    best_.push_back({double(p.row.step), std::max(m.value, best_.empty() ? -INFINITY : best_.back().second)});
    const double since = double(p.row.step) * (1 - limit("share"));
    if (double(best_.size()) < limit("evaluations") || best_.front().first > since || progress(p) < limit("share"))
      return;
    double before = best_.front().second;
    for (const auto& [step, value] : best_)
      if (step <= since) before = value;
    const double gain = best_.back().second - before;
    const double near = m.baseline + limit("known") * (1 - m.baseline);
    check(p, 0, "", evidence(gain < limit("gain") && best_.back().second < near, gain, limit("gain")), [&] {
      return fmt::format("{} has gained {:.4f} since step {:.0f} and is {:.3f} at best", m.name, gain, since,
                         best_.back().second);
    });
  }

 private:
  std::vector<std::pair<double, double>> best_;  // step, best so far
};

class GrowingGap : public Rule {
 public:
  GrowingGap()
      : Rule({"R30",
              "the loss on held-out data is above the training loss, and more so at every evaluation",
              Severity::warning,
              3,
              {{"gap", 0.1}, {"of_first", 0.1}},
              "use more data\nraise --weight-decay, use --dropout\nstop at the best validation"}) {}
  void evaluation(const Patient& p) override {
    const double loss = evaluation_loss(p), train = p.loss.smooth;
    if (!std::isfinite(loss) || !(train > 0) || p.row.step == 0) return;
    const double gap = (loss - train) / train;
    const bool large = gap > limit("gap") && loss - train > limit("of_first") * p.loss.first && gap > before_;
    before_ = gap;
    check(p, 0, "", evidence(large, gap, limit("gap")), [&] {
      return fmt::format("the loss on held-out data is {}, {:.0f} % above that of training, and the gap grows",
                         short_number(loss), 100 * gap);
    });
  }

 private:
  double before_ = -INFINITY;
};

class WorseValidation : public Rule {
 public:
  WorseValidation()
      : Rule({"R31",
              "the loss on held-out data has not improved for 10 evaluations",
              Severity::information,
              10,
              {{"delta", 0.001}},
              "stop here: the best checkpoint is kept"}) {}
  void evaluation(const Patient& p) override {
    const double loss = evaluation_loss(p);
    if (!std::isfinite(loss) || p.row.step == 0) return;
    const bool worse = loss > best_ * (1 - limit("delta"));
    if (!worse) best_ = loss;
    check(p, 0, "", evidence(worse, loss, best_), [&] {
      return fmt::format("the loss on held-out data is {}, and was {} at best", short_number(loss),
                         short_number(best_));
    });
  }

 private:
  double best_ = INFINITY;
};

class NoBetterThanBaseline : public Rule {
 public:
  NoBetterThanBaseline()
      : Rule({"R32",
              "after 30 % of the run no better than a baseline without a network",
              Severity::error,
              1,
              {{"share", 0.3}, {"times", 1.1}, {"steps", 100}},
              "look at R33: does the model predict the same for everything?\nlook at the inputs: is there anything "
              "to learn from?\ntrain longer, or with a higher --lr"}) {}
  void evaluation(const Patient& p) override {
    const Metric m = metric_of(p);
    if (!m.name || std::isnan(m.value) || std::isnan(m.baseline) || p.row.step == 0 || progress(p) < limit("share"))
      return;
    if (double(p.row.step) < limit("steps")) return;
    const double high = limit("times") * m.baseline;
    check(p, 0, "", evidence(m.value <= high, m.value, high),
          [&] { return fmt::format("{} is {:.4f}, and {:.4f} needs no network", m.name, m.value, m.baseline); });
  }
};

class Confusion : public Rule {
 public:
  Confusion()
      : Rule({"R44",
              "at the end, a class is often taken for one other, where most answers are right",
              Severity::information,
              1,
              {{"right", 0.9}, {"taken", 0.1}, {"accuracy", 0.5}},
              "look at examples of both classes, and at their labels\ntrain longer"}) {}
  void evaluation(const Patient& p) override {
    if (!(p.scalar("test/accuracy") > limit("accuracy"))) return;  // everything is taken for something else
    // test/taken_for/<class>/<other>: share of a class that is taken for another, for the other it is most often
    each(*p.scalars, "test/taken_for/", [&](std::size_t key, const std::string& classes, double taken) {
      const std::size_t slash = classes.find('/');
      if (slash == std::string::npos) return;
      const std::string own = classes.substr(0, slash), other = classes.substr(slash + 1);
      const double right = p.scalar("test/recall/" + own);
      check(p, key, classes, evidence(right < limit("right") && taken > limit("taken"), taken, limit("taken")), [&] {
        return fmt::format("{:.0f} % of class {} are taken for {}, and {:.0f} % are right", 100 * taken, own, other,
                           100 * right);
      });
    });
  }
};

class ConstantPrediction : public Rule {
 public:
  ConstantPrediction()
      : Rule({"R33",
              "predictions hardly differ between examples, in 20 steps",
              Severity::error,
              4,
              {{"ratio", 1e-5}, {"steps", 20}},
              "look at R11 and R12: does a gradient reach the layers below the head?\n"
              "start the last layer with weights other than 0"}) {}
  void step(const Patient& p) override {
    constexpr std::string_view prefix = "predictions/variance_ratio";
    std::size_t key = 0;
    for (const auto& [name, ratio] : *p.scalars) {
      if (name.rfind(prefix, 0) != 0) continue;
      const std::string channel = name.size() > prefix.size() ? name.substr(prefix.size() + 1) : "";
      since_.resize(std::max(since_.size(), key + 1), -1);
      const bool constant = ratio < limit("ratio");
      if (!constant) since_[key] = -1;
      if (constant && since_[key] < 0) since_[key] = p.row.step;
      const bool long_enough = constant && double(p.row.step - since_[key]) >= limit("steps");
      Evidence e = evidence(long_enough, ratio, limit("ratio"));
      check(p, key++, channel, e, [&] {
        return fmt::format("predictions{} vary by {} of what the targets do: every example is given the same",
                           channel.empty() ? "" : " of " + channel, short_number(ratio));
      });
    }
  }

 private:
  std::vector<long> since_;
};

}  // namespace

void add_evaluation_rules(Rules& rules) {
  rules.push_back(std::make_unique<NoBetterMetric>());
  rules.push_back(std::make_unique<GrowingGap>());
  rules.push_back(std::make_unique<WorseValidation>());
  rules.push_back(std::make_unique<NoBetterThanBaseline>());
  rules.push_back(std::make_unique<Confusion>());
  rules.push_back(std::make_unique<ConstantPrediction>());
}

}  // namespace heartbeat
