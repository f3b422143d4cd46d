#include "tools/train/breakage.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "autograd/ops.h"
#include "kernels/common/error.h"
#include "nn/watch.h"

namespace heartbeat {
namespace {

std::string choices_of(std::span<const Breakage> table) {
  std::string names;
  for (const Breakage& b : table)
    if (b.unfit.empty()) names += (names.empty() ? "" : ", ") + b.name;
  return names;
}

double growth(long step, double doubles) {
  return doubles ? std::exp2(double(step) / doubles) : 1;
}

}  // namespace

void Breakage::change_initial(const nn::Parameters& parameters) const {
  for (const Factor& f : initial)
    for (const auto& [name, tensor] : parameters)
      if (nn::matches_any(f.pattern, name)) {
        tensor.assign(scale(tensor.detach(), f.factor));
        if (f.plus != 0)
          tensor.assign(add(tensor.detach(), Tensor::full(tensor.shape(), f.plus, tensor.dtype(), tensor.device())));
      }
}

void Breakage::change_gradients(const nn::Parameters& parameters, long step) const {
  for (const Factor& f : gradients) {
    if (f.at >= 0 && f.at != step) continue;
    const double factor = f.factor * growth(step, f.doubles);
    for (const auto& [name, tensor] : parameters)
      if (nn::matches_any(f.pattern, name) && tensor.has_grad())
        // Not a product with 0, which would keep NaN.
        tensor.gradient().assign(factor == 0 ? Tensor::zeros(tensor.shape(), tensor.dtype(), tensor.device())
                                             : scale(tensor.gradient(), factor));
  }
}

void Breakage::load(long step) const {
  if (load_seconds > 0 && (load_at < 0 || load_at == step))
    std::this_thread::sleep_for(std::chrono::duration<double>(load_seconds));
}

double Breakage::rate(double scheduled, double peak, long step) const {
  return rate_doubles ? peak * growth(step, rate_doubles) : scheduled;
}

std::string Breakage::sentence() const {
  return fmt::format("broken on purpose ({}): {} Look for {}", name, broken, look);
}

Breakage find_breakage(std::span<const Breakage> table, const std::string& name) {
  if (name.empty()) return {};
  const auto at = std::find_if(table.begin(), table.end(), [&](const Breakage& b) { return b.name == name; });
  if (at == table.end()) throw UserError(fmt::format("--break={} is not known; choose {}", name, choices_of(table)));
  if (!at->unfit.empty()) throw UserError(fmt::format("--break={}: {}; choose {}", name, at->unfit, choices_of(table)));
  return *at;
}

CLI::Option* add_break_option(CLI::App& app, std::span<const Breakage> table, std::string& name) {
  return app.add_option("--break", name,
                        "a run that fails on purpose, within a minute, to see how that looks: " + choices_of(table));
}

void use_settings(const Breakage& breakage, CLI::App& app) {
  for (const auto& [flag, value] : breakage.settings) {
    CLI::Option* option = app.get_option(flag);
    if (option->count()) continue;
    option->add_result(value);
    option->run_callback();
  }
}

}  // namespace heartbeat
