// Judgements on the checks that take the place of a training, see tools/train/checks.h: --overfit-batch, --gradcheck
// and
// --verify.
#include <fmt/format.h>

#include "tools/doctor/rule.h"

namespace heartbeat {
namespace {

class NotMemorised : public Rule {
 public:
  NotMemorised()
      : Rule({"R35",
              "one batch cannot be learned by heart (--overfit-batch)",
              Severity::error,
              1,
              {{"share", 0.5}},
              "look whether inputs and labels of a batch belong together\nlook at R11 and R13: does everything learn?\n"
              "raise --lr, or give it more steps"}) {}
  void evaluation(const Patient& p) override {
    const double first = p.scalar("check/overfit/first"), last = p.scalar("check/overfit/last");
    if (std::isnan(first)) return;
    const double share = last / first;
    check(p, 0, "", evidence(!(share < limit("share")), share, limit("share")), [&] {
      return fmt::format("{:.0f} steps on one batch bring its loss from {} to {} only", p.scalar("check/overfit/steps"),
                         short_number(first), short_number(last));
    });
  }
};

class WrongGradient : public Rule {
 public:
  WrongGradient()
      : Rule({"R36",
              "backward differs from differences of the loss; E above the error limit (--gradcheck)",
              Severity::warning,
              1,
              {{"gap", 1e-4}, {"error", 1e-2}},
              "look at the backward of the ops between this tensor and the loss, the last first\n"
              "look for values that are cut off the tape: detach, to, item"}) {}
  void evaluation(const Patient& p) override {
    each(*p.scalars, "check/gradient/", [&](std::size_t key, const std::string& place, double gap) {
      const auto sentence = [&] {
        return fmt::format("the gradient of {} is off by {} of its size from what the loss does", place,
                           short_number(gap));
      };
      const bool wrong = !(gap <= limit("error"));
      check(p, 2 * key, place, evidence(!wrong && gap > limit("gap"), gap, limit("gap")), sentence);
      check(p, 2 * key + 1, place, {wrong, gap, limit("error"), Severity::error, 1}, sentence);
    });
  }
};

class NotRepeatable : public Rule {
 public:
  NotRepeatable()
      : Rule({"R55",
              "two runs from one seed differ in a bit (--verify)",
              Severity::error,
              1,
              {},
              "look for random numbers that no seed names: dropout, noise, shuffling\n"
              "look for sums whose order depends on threads"}) {}
  void evaluation(const Patient& p) override {
    each(*p.scalars, "check/differs/", [&](std::size_t key, const std::string& place, double count) {
      check(p, key, place, evidence(count > 0, count, 0), [&] {
        return fmt::format("{:.0f} values of {} differ after step {:.0f} between two runs from one seed", count, place,
                           p.scalar("check/differ_at"));
      });
    });
  }
};

}  // namespace

void add_check_rules(Rules& rules) {
  rules.push_back(std::make_unique<NotMemorised>());
  rules.push_back(std::make_unique<WrongGradient>());
  rules.push_back(std::make_unique<NotRepeatable>());
}

}  // namespace heartbeat
