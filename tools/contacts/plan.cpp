#include "tools/contacts/plan.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>

namespace heartbeat {
namespace {

std::string lengths_of(const std::vector<Protein>& proteins) {
  long least = proteins.front().length(), most = least, complexes = 0;
  for (const Protein& p : proteins) {
    least = std::min(least, p.length());
    most = std::max(most, p.length());
    complexes += std::count(p.segment.begin(), p.segment.end(), 0) < p.length();
  }
  return fmt::format("{} of {} to {} residues", proteins.size(), least, most) +
         (complexes ? fmt::format(" ({} complexes)", complexes) : "");
}

// Parameters by the first word of their names; the encoder's carry none, and come first.
std::string parts_of(const nn::Parameters& parameters) {
  std::vector<std::pair<std::string, long>> parts = {{"encoder", 0}};
  long all = 0;
  for (const nn::NamedTensor& p : parameters) {
    std::string part = p.name.substr(0, p.name.find('.'));
    if (part == "embedding" || part == "blocks" || part == "ggn") part = "encoder";
    auto at = std::find_if(parts.begin(), parts.end(), [&](const auto& known) { return known.first == part; });
    if (at == parts.end()) at = parts.insert(parts.end(), {part, 0});
    at->second += p.tensor.numel();
    all += p.tensor.numel();
  }
  std::string text = fmt::format("{} parameters:", all);
  for (const auto& [name, count] : parts)
    text += fmt::format("{} {} {}", &name == &parts.front().first ? "" : ",", name, count);
  return text;
}

}  // namespace

std::string plan_of(const TrainOptions& o, const ContactModel& model, Sampler& sampler,
                    const std::vector<Protein>& train, const std::vector<Protein>& valid) {
  const std::string crop = o.crop ? fmt::format("crops of up to {} residues", o.crop) : "whole proteins";
  const std::string length = o.max_steps && o.max_minutes
                                 ? fmt::format("{} steps or {} minutes", o.max_steps, o.max_minutes)
                             : o.max_steps ? fmt::format("{} steps", o.max_steps)
                                           : fmt::format("{} minutes", o.max_minutes);
  return fmt::format("data   {}; validation {}\n", lengths_of(train), lengths_of(valid)) +
         fmt::format("model  {}, {}\n", o.size, parts_of(model.network.parameters())) +
         fmt::format("step   up to {} pairs, {}; {} steps in the first epoch\n", o.pairs_per_batch, crop,
                     sampler.first_step(1)) +
         fmt::format("run    {} on the {}, {} threads, seed {}, into {}\n", length, o.device, omp_get_max_threads(),
                     o.seed, o.run_dir) +
         (o.precision_note.empty() ? "" : fmt::format("floats {}\n", o.precision_note));
}

}  // namespace heartbeat
