#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ranges>

#include "tools/report/comparison.h"
#include "tools/report/run_json.h"

namespace heartbeat {
namespace {

constexpr std::size_t kNamesOfADifference = 4, kMostTensors = 12, kMostNumbers = 12;

std::string number_text(double v) {
  return std::isnan(v) ? "NaN" : fmt::format("{:.4g}", v);
}

std::string line_of(char letter, const RunReader& run) {
  const std::size_t steps = run.steps().size();
  const std::string outcome = outcome_of_run(run);
  return fmt::format("{}  {}: {} steps, {}\n", letter, run.directory(), steps,
                     outcome.empty() ? "still running, or ended without a word" : outcome);
}

std::string settings_text(std::span<const RunReader> two) {
  const auto settings = setting_differences(two);
  if (settings.empty()) return "The settings are the same.\n";
  std::string text = "Settings that differ" + std::string(8, ' ') + "A" + std::string(15, ' ') + "B\n";
  for (const auto& s : settings)
    text += fmt::format("  {:<25} {:<15} {}\n", s.key, s.values[0].value_or("-"), s.values[1].value_or("-"));
  return text;
}

std::string lone_text(std::span<const RunReader> two) {
  const auto lone = lone_tensors(two);
  std::string text;
  for (int run : {0, 1}) {
    std::size_t count = 0;
    for (const LoneTensor& t : lone)
      if (t.runs[0] == run && ++count <= kMostTensors)
        text += fmt::format("  {} {} is in {} only\n", t.name, t.shape, run ? "B" : "A");
    if (count > kMostTensors)
      text += fmt::format("  and {} more are in {} only\n", count - kMostTensors, run ? "B" : "A");
  }
  return text.empty() ? text : "Tensors that are not in both\n" + text + "\n";
}

std::string tensors_text(const Comparison& c) {
  auto tensors = c.tensors;
  std::stable_sort(tensors.begin(), tensors.end(), [](auto& x, auto& y) { return x.elsewhere > y.elsewhere; });
  std::erase_if(tensors, [](const auto& t) { return t.elsewhere == 0; });
  if (tensors.empty()) return "";
  std::string text = "Gradients, over the steps of both          median |g| A   median |g| B   in other bins\n";
  for (const auto& t : tensors | std::views::take(kMostTensors))
    text += fmt::format("  {:<38} {:>14} {:>14} {:>13.2f} %\n", t.name, number_text(t.median_a),
                        number_text(t.median_b), 100 * t.elsewhere);
  if (tensors.size() > kMostTensors) text += fmt::format("  and {} more\n", tensors.size() - kMostTensors);
  return text + "\n";
}

// The numbers that a reader asks for first: losses and scores.
std::string numbers_text(const Comparison& c) {
  std::vector<Comparison::Number> numbers;
  for (const auto& n : c.last)
    for (const char* wanted : {"train/loss", "test/loss", "valid/loss", "test/accuracy", "valid/accuracy",
                               "valid/auprc/cb8/all", "valid/cb8/long@L/5", "gradients/global_norm"})
      if (n.name == wanted) numbers.push_back(n);
  if (numbers.empty()) return "";
  std::string text = "At the last step that both hold         step              A              B\n";
  for (const auto& n : numbers | std::views::take(kMostNumbers))
    text += fmt::format("  {:<34} {:>7} {:>14} {:>14}\n", n.name, n.step, number_text(n.a), number_text(n.b));
  return text + "\n";
}

}  // namespace

std::string verdict_of(const Comparison& c) {
  if (!c.steps) return "The runs have no step in common.";
  const std::string compared = fmt::format("{} steps, {} numbers and {} histograms", c.steps, c.scalars, c.histograms);
  if (!c.differ) return fmt::format("The runs are equal, to the bit: {} are in both.", compared);
  std::string names;
  for (std::size_t k = 0; k < std::min(c.first_names.size(), kNamesOfADifference); ++k)
    names += (k ? ", " : "") + c.first_names[k];
  if (c.first_names.size() > kNamesOfADifference)
    names += fmt::format(" and {} more", c.first_names.size() - kNamesOfADifference);
  return fmt::format("The runs differ from step {} on, first in {} ({} are in both).", c.first_step, names, compared);
}

std::string comparison_text(std::span<const RunReader> two, const Comparison& c) {
  return line_of('A', two[0]) + line_of('B', two[1]) + "\n" + settings_text(two) + "\n" + lone_text(two) +
         verdict_of(c) + "\n\n" + numbers_text(c) + tensors_text(c);
}

}  // namespace heartbeat
