#include "tools/train/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "autograd/tape.h"
#include "graph/counter_random.h"
#include "tools/common/program.h"
#include "tools/doctor/doctor.h"

namespace heartbeat {
namespace {

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted("stopped within a check");
}

double one_step(Rehearsal& training, long batch, bool plain, long step) {
  stop_if_interrupted();
  for (const auto& [name, tensor] : training.parameters()) Tensor(tensor).clear_grad();
  const Tensor loss = training.loss(batch, plain);
  const double value = loss.item();
  backward(loss);
  training.update(step);
  return value;
}

double norm_of(const std::vector<double>& v) {
  double squares = 0;
  for (const double x : v) squares += x * x;
  return std::sqrt(squares);
}

long count_different(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(Device::cpu), y = b.to(Device::cpu);
  long count = 0;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    for (long e = 0; e < x.numel(); ++e) count += std::memcmp(x.data<T>() + e, y.data<T>() + e, sizeof(T)) != 0;
  });
  return count;
}

}  // namespace

bool wants_checks(const RunOptions& o) {
  return o.overfit_batch || o.gradcheck || o.verify;
}

void run_checks(const RunOptions& o, const MakeRehearsal& make, RunLog& log) {
  if (o.gradcheck) check_gradient(make, o.seed, log);
  if (o.verify) check_repeats(make, o.verify, log);
  if (o.overfit_batch) check_overfit(make, o.overfit_batch, log);
}

int exit_code_of_what_was_asked(const RunOptions& o, const std::vector<AlertRow>& alerts) {
  if (o.breakage) return kDone;
  std::set<std::string> asked;
  if (o.probe) asked.insert({"R25", "R34", "R37", "R39", "R40"});
  if (!o.ablate.empty()) asked.insert("R38");
  if (wants_checks(o)) asked.insert({"R35", "R36", "R55"});
  std::vector<AlertRow> heard;
  std::copy_if(alerts.begin(), alerts.end(), std::back_inserter(heard),
               [&](const AlertRow& a) { return asked.count(a.rule) > 0; });
  return exit_code_of(heard);
}

void check_overfit(const MakeRehearsal& make, long steps, RunLog& log) {
  const auto training = make(false);
  std::vector<double> losses;
  for (long step = 0; step < steps; ++step) losses.push_back(one_step(*training, 0, true, step));
  const long last = std::min(10L, steps);
  double sum = 0;
  for (long k = steps - last; k < steps; ++k) sum += losses[std::size_t(k)];
  log.scalar(0, "check/overfit/steps", double(steps));
  log.scalar(0, "check/overfit/first", losses.front());
  log.scalar(0, "check/overfit/last", sum / double(last));
  fmt::print("overfit   {} steps on one batch bring its loss from {:.4f} to {:.4f}\n", steps, losses.front(),
             sum / double(last));
  std::fflush(stdout);
}

void check_gradient(const MakeRehearsal& make, std::uint64_t seed, RunLog& log) {
  constexpr double kStep = 1e-5;
  const auto training = make(true);
  const nn::Parameters parameters = training->parameters();
  const auto loss = [&] {
    const NoGrad no_grad;
    return training->loss(0, false).item();
  };
  for (const auto& [name, tensor] : parameters) Tensor(tensor).clear_grad();
  backward(training->loss(0, false));

  double worst = -1;
  std::string where;
  for (std::size_t t = 0; t < parameters.size(); ++t) {
    stop_if_interrupted();
    const auto& [name, tensor] = parameters[t];
    const std::vector<double> value = tensor.to_vector();
    const std::vector<double> gradient =
        tensor.has_grad() ? tensor.gradient().to_vector() : std::vector<double>(value.size(), 0.0);
    CounterRandom draw({seed, t});
    std::vector<double> direction(value.size());
    for (double& d : direction) d = draw.uniform(-1, 1);
    const double size = norm_of(gradient), random = norm_of(direction);
    for (std::size_t e = 0; e < direction.size(); ++e)
      direction[e] = direction[e] / random + (size > 0 ? gradient[e] / size : 0);
    double slope = 0;
    for (std::size_t e = 0; e < direction.size(); ++e) slope += gradient[e] * direction[e];
    const auto moved = [&](double by) {
      std::vector<double> to(value);
      for (std::size_t e = 0; e < to.size(); ++e) to[e] += by * direction[e];
      tensor.assign(Tensor::from(tensor.shape(), to, Dtype::f64));
      return loss();
    };
    const double difference = (moved(kStep) - moved(-kStep)) / (2 * kStep);
    tensor.assign(Tensor::from(tensor.shape(), value, Dtype::f64));
    // Where both are next to nothing, as behind a layer that starts at 0, rounding is all that is left of them.
    const double larger = std::max({std::abs(slope), std::abs(difference), 1e-6});
    const double gap = std::abs(slope - difference) / larger;
    log.scalar(0, "check/gradient/" + name, gap);
    if (!(gap <= worst)) worst = gap, where = name;
  }
  fmt::print("gradient  {} tensors in f64: backward is off by {:.1e} at most, in {}\n", parameters.size(), worst,
             where);
  std::fflush(stdout);
}

void check_repeats(const MakeRehearsal& make, long steps, RunLog& log) {
  const auto one = make(false), other = make(false);
  for (long step = 0; step < steps; ++step) {
    const double loss = one_step(*one, step, false, step), again = one_step(*other, step, false, step);
    std::vector<std::pair<std::string, long>> differ;
    if (std::memcmp(&loss, &again, sizeof loss) != 0) differ.emplace_back("loss", 1);
    const nn::Parameters a = one->parameters(), b = other->parameters();
    for (std::size_t t = 0; t < a.size(); ++t)
      if (const long count = count_different(a[t].tensor, b[t].tensor)) differ.emplace_back(a[t].name, count);
    if (differ.empty()) continue;
    log.scalar(0, "check/differ_at", double(step + 1));
    for (const auto& [name, count] : differ) log.scalar(0, "check/differs/" + name, double(count));
    fmt::print("repeat    two runs from one seed differ after step {}, in {} and {} more\n", step + 1,
               differ.front().first, differ.size() - 1);
    std::fflush(stdout);
    return;
  }
  log.scalar(0, "check/differ_at", 0);
  fmt::print("repeat    {} steps twice from one seed: the same to the bit\n", steps);
  std::fflush(stdout);
}

}  // namespace heartbeat
