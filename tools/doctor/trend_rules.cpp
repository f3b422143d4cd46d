// What the article looks for in the pictures: variance that trends up, gradients that shrink without learning, modules
// of different scale.
#include <fmt/format.h>

#include "kernels/histogram/histogram.h"
#include "tools/doctor/rule.h"
#include "tools/doctor/windows.h"
#include "tools/report/scales.h"

namespace heartbeat {
namespace {

class RisingVariance : public Rule {
 public:
  RisingVariance()
      : Rule({"R56",
              "variance of a quarter of the matrices' gradients trends up over 100 steps, and is far above that of the "
              "first 50",
              Severity::warning,
              2,
              {{"slope", 3}, {"times", 32}, {"block", 10}, {"blocks", 10}, {"awake", 0.1}, {"share", 0.25}},
              "lower --lr\nregularise: --weight-decay, or clip the gradients"}) {}
  void step(const Patient& p) override {
    if (p.pulses[int(Quantity::gradient)].empty()) return;
    while (tensors_.size() < p.tensors.size()) tensors_.push_back({Window(std::size_t(limit("blocks")))});
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const Pulse& g = p.pulse(Quantity::gradient, t);
      if (!p.tensors[t].matrix || g.n == 0 || !g.all_finite()) continue;
      tensors_[t].sum += g.variance();
      if (p.row.step <= 50) tensors_[t].early = std::max(tensors_[t].early, g.variance());
    }
    if (++steps_ % long(limit("block"))) return;
    if (p.row.step >= 50 && std::isnan(usual_)) {
      std::vector<double> early;
      for (const Trend& trend : tensors_)
        if (trend.early > 0) early.push_back(trend.early);
      usual_ = median_of(early);
    }
    double matrices = 0, rising = 0;
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      Trend& trend = tensors_[t];
      trend.slope = 0;
      const double variance = std::exchange(trend.sum, 0.0) / limit("block");
      if (!(variance > 0)) continue;
      trend.logs.push(std::log2(variance));
      ++matrices;
      if (!p.warm || !trend.logs.full()) continue;
      // Hardly any tensor gets this far, and the slope is dear.
      if (variance > limit("times") * std::max(trend.early, limit("awake") * usual_))
        trend.slope = robust_slope(trend.logs.in_order()) * 100 / limit("block");
      rising += trend.slope > limit("slope");
    }
    const bool many = rising >= limit("share") * matrices;
    for (std::size_t t = 0; t < p.tensors.size(); ++t) {
      const double slope = tensors_[t].slope;
      check(p, t, p.tensors[t].row.name, evidence(many && slope > limit("slope"), slope, limit("slope")), [&] {
        return fmt::format("the variance of the gradients of {} grows {:.0f}-fold in 100 steps", p.tensors[t].row.name,
                           std::exp2(slope));
      });
    }
  }

 private:
  struct Trend {
    Window logs;  // log2 of the variance, by block
    double sum = 0, early = 0, slope = 0;
  };
  std::vector<Trend> tensors_;
  double usual_ = NAN;  // early variance of the median matrix: modules that start at 0 wake up
  long steps_ = 0;
};

class ShrinkingGradients : public Rule {
 public:
  ShrinkingGradients()
      : Rule({"R57",
              "the norm of the matrices' gradients falls far below its early median while the loss stays",
              Severity::error,
              2,
              {{"times", 10}, {"gain", 0.05}},
              "raise --lr: this looks like a poor local optimum\nlower --weight-decay, or other regularisation"}) {}
  void step(const Patient& p) override {
    double squares = 0;
    for (std::size_t t = 0; t < p.tensors.size(); ++t)
      if (const Pulse& g = p.pulse(Quantity::gradient, t); p.tensors[t].matrix && g.n > 0)
        squares += g.rms * g.rms * p.tensors[t].numel;
    if (squares == 0) return;
    norms_.push(std::sqrt(squares));
    first_.push(std::sqrt(squares));
    // The highest, for a run can be stuck before the first window is full.
    if (p.row.step <= 20 && first_.full()) early_ = std::fmax(early_, median_of(first_.values()));
    if (!p.warm || std::isnan(early_) || p.row.step % 10) return;
    const double now = median_of(norms_.values()), gain = (p.loss.first - p.loss.smooth) / std::abs(p.loss.first);
    check(p, 0, "", evidence(now * limit("times") < early_ && gain < limit("gain"), now, early_ / limit("times")), [&] {
      return fmt::format("the norm of the gradients has fallen from {} to {}, and the loss has gained {:.1f} % only",
                         short_number(early_), short_number(now), 100 * gain);
    });
  }

 private:
  Window norms_{20}, first_{5};
  double early_ = NAN;
};

class ScaleGap : public Rule {
 public:
  ScaleGap()
      : Rule({"R58",
              "median magnitudes of two parts' gradients lie far apart, after the first window",
              Severity::information,
              1,
              {{"information", 10}, {"warning", 200}, {"window", 50}},
              "look whether the part with small gradients matters: --ablate\ngive it a larger rate, or start it "
              "smaller"}) {}
  void step(const Patient& p) override {
    if (p.pulses[int(Quantity::gradient)].empty()) return;
    if (parts_.empty()) {
      for (const PatientTensor& t : p.tensors) {
        const auto known = std::find(names_.begin(), names_.end(), t.part);
        parts_.push_back(std::size_t(known - names_.begin()));
        if (known == names_.end()) names_.push_back(t.part);
      }
      merged_.resize(names_.size());
    }
    for (std::size_t t = 0; t < p.tensors.size(); ++t)
      if (const Pulse& g = p.pulse(Quantity::gradient, t); g.n > 0 && g.all_finite())
        for (int k = 0; k < kNanBin; ++k) merged_[parts_[t]].bins[k] += g.stats->bins[k];
    if (++steps_ % long(limit("window"))) return;
    if (steps_ <= long(limit("window"))) {  // modules that start at 0 wake up
      merged_.assign(names_.size(), {});
      return;
    }
    double least = INFINITY, most = 0;
    std::size_t low = 0, high = 0;
    for (std::size_t part = 0; part < names_.size(); ++part) {
      TensorStats& s = merged_[part];
      s.bins[kZeroBin] = 0;  // exact zeros are of other rules: R11, R12
      const double median = median_magnitude(s);
      s = {};
      if (!(median > 0)) continue;
      if (median < least) least = median, low = part;
      if (median > most) most = median, high = part;
    }
    if (most == 0) return;
    const auto sentence = [&] {
      return fmt::format("gradients of {} are {} in the median, those of {} {}", names_[low], short_number(least),
                         names_[high], short_number(most));
    };
    const double gap = most / least;
    check(p, 0, names_[low], evidence(gap >= limit("information"), gap, limit("information")), sentence);
    check(p, 1, names_[low], {gap >= limit("warning"), gap, limit("warning"), Severity::warning, spec().patience},
          sentence);
  }

 private:
  std::vector<std::string> names_;
  std::vector<std::size_t> parts_;  // of each tensor
  std::vector<TensorStats> merged_;
  long steps_ = 0;
};

}  // namespace

void add_trend_rules(Rules& rules) {
  rules.push_back(std::make_unique<RisingVariance>());
  rules.push_back(std::make_unique<ShrinkingGradients>());
  rules.push_back(std::make_unique<ScaleGap>());
}

}  // namespace heartbeat
