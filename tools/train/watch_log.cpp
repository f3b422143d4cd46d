#include "tools/train/watch_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace heartbeat {

nn::WatchOptions watch_options(const RunOptions& o) {
  const auto level = o.watch == "all"         ? nn::WatchLevel::all
                     : o.watch == "gradients" ? nn::WatchLevel::gradients
                                              : nn::WatchLevel::none;
  return {level, o.watch_filter, o.watch_every};
}

std::vector<TensorRow> tensor_rows(const nn::Optimizer& optimizer) {
  std::vector<TensorRow> rows;
  for (const nn::WatchedTensor& t : optimizer.tensors()) {
    std::string aliases;
    for (const std::string& alias : t.aliases) aliases += (aliases.empty() ? "" : " ") + alias;
    rows.push_back({t.name, t.shape, name_of(t.dtype), aliases, t.trainable, t.group, t.module});
  }
  return rows;
}

void log_watch(RunLog& log, long step, nn::WatchFrame frame) {
  log.watch(step, Quantity::gradient, std::move(frame.gradient));
  log.watch(step, Quantity::parameter, std::move(frame.parameter));
  log.watch(step, Quantity::update, std::move(frame.update));
  log.watch(step, Quantity::clipped, std::move(frame.clipped));
}

double seconds_of_watching(const nn::Optimizer& optimizer, const MakeOptimizer& make) {
  nn::Parameters copies;
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (const nn::WatchedTensor& t : optimizer.tensors()) {
    const Tensor value(t.shape), gradient(t.shape);
    for (long k = 0; k < value.numel(); ++k) {
      value.data<float>()[k] = 0.1f * normal(engine);
      gradient.data<float>()[k] = 1e-3f * normal(engine);
    }
    Tensor x = value.to(optimizer.device());
    x.set_needs_grad(true);
    x.gradient().assign(gradient);
    copies.push_back({t.name, x});
  }
  const auto scratch = make(copies);
  const auto timed = [&](nn::WatchFrame* frame) {
    const auto start = std::chrono::steady_clock::now();
    scratch->step(1e-6, frame);
    if (!frame) copies.back().tensor.at(0);  // a GPU has to be waited for
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<double> differences;
  for (int repeat = 0; repeat < 15; ++repeat) {
    nn::WatchFrame frame;
    const double plain = timed(nullptr);
    differences.push_back(timed(&frame) - plain);
  }
  std::nth_element(differences.begin(), differences.begin() + 7, differences.end());
  return std::max(0.0, differences[7]);
}

void report_watch_cost(RunLog& log, long step, const WatchCost& cost, double step_seconds) {
  const double share = (cost.taking + cost.handing + cost.writing) / step_seconds;
  fmt::print("heartbeat: {:.2f} ms to take, {:.2f} ms to hand over and {:.2f} ms to write each step: {:.1f} % of it\n",
             1000 * cost.taking, 1000 * cost.handing, 1000 * cost.writing, 100 * share);
  log.scalar(step, "time/watch_share", share);
  if (cost.judging == 0) return;
  fmt::print("doctor: {:.3f} ms each step: {:.2f} % of it\n", 1000 * cost.judging, 100 * cost.judging / step_seconds);
  log.scalar(step, "time/doctor_share", cost.judging / step_seconds);
}

}  // namespace heartbeat
