// The end of a training: what the best weights reach, and what watching them cost.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/pick_device.h"
#include "autograd/tensor.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/contacts/graph_facts.h"
#include "tools/contacts/tables.h"
#include "tools/contacts/training.h"
#include "tools/contacts/trust.h"
#include "tools/train/ablation.h"
#include "tools/train/run_files.h"
#include "tools/train/watch_log.h"

namespace heartbeat {

void Training::log_plan() {
  const ClassStatistics& statistics = sampler_.statistics();
  double chance = 0, entries = 0, log_odds = 0, ratio = 1;
  for (int k = 0; k < kChannels; ++k) {
    const double p = std::clamp(statistics.frequency(k), 1e-6, 1 - 1e-6), pw = statistics.positive_weight(k);
    // The best constant, as the loss sees it: log-odds of p, raised by log pw. Every pair is taken to be far apart, so
    // that it is an upper bound.
    const double farthest = 2, n = statistics.positives[k] + statistics.negatives[k];
    const double sure = p * pw / (p * pw + 1 - p);
    entries += n;
    chance -= farthest * n * kChannelTable[k].loss_weight * (pw * p * std::log(sure) + (1 - p) * std::log(1 - sure));
    log_odds += std::log(p / (1 - p)) / kChannels;
    if (statistics.positives[k] > 0) ratio = std::max(ratio, statistics.negatives[k] / statistics.positives[k]);
  }
  double residues = 0, unknown = 0;
  for (const Protein& p : train_) {
    residues += double(p.length());
    unknown += double(std::count(p.sequence.begin(), p.sequence.end(), kUnknown));
  }
  const GraphFacts graphs = graph_facts(train_);
  const std::pair<const char*, double> facts[] = {{"steps", double(options_.max_steps)},
                                                  {"peak_lr", options_.lr},
                                                  {"chance_loss", chance / std::max(1.0, entries)},
                                                  {"class_ratio", ratio},
                                                  {"weighted", 1},
                                                  {"unknown_residues", unknown / std::max(1.0, residues)},
                                                  {"graph_isolated", graphs.isolated},
                                                  {"graph_edgeless", graphs.edgeless},
                                                  {"graph_contactless", graphs.contactless},
                                                  {"graph_degree", graphs.degree}};
  for (const auto& [name, value] : facts) log_->scalar(0, std::string("plan/") + name, value);
  // With a prior the rates come from there, and the bias starts at 0.
  if (!model_.prior) log_->scalar(0, "plan/output_bias", log_odds);
}

void Training::ablate() {
  const std::vector<std::string> modules = modules_of(options_.ablate);
  if (modules.empty()) return;
  const nn::Ema::Swapped averaged(ema_);
  const auto total = [&] {
    ValidationLoss loss{sampler_.statistics()};
    evaluate(model_, valid_, {}, &loss);
    return loss.total();
  };
  const double whole = total();
  for (const std::string& module : modules) {
    const Ablated without(model_.network.parameters(), module);
    log_->scalar(state_.step, "ablate/" + module, (total() - whole) / whole);
  }
}

void Training::conclude(const Baselines& baselines, const Summary& last) {
  if (!state_.best_step) return print_result(baselines, last);
  ContactModel best = load_contact_model(best_checkpoint(options_), model_.device());
  Progress bar("weigh the network against the prior", double(valid_.size()), options_.quiet);
  best.trust = choose_trust(best, valid_, [&](long done) {
    if (interrupted()) throw Interrupted("stopped while weighing the network against the prior");
    bar.update(double(done));
  });
  if (best.trust == full_trust()) return print_result(baselines, evaluate(best, valid_));
  save_best(best);
  print_result(baselines, evaluate(best, valid_));
  std::string shares;
  for (int k = 0; k < kChannels; ++k)
    if (best.trust[k] != 1)
      shares += fmt::format("{}{} {}", shares.empty() ? "" : ", ", kChannelTable[k].name, best.trust[k]);
  fmt::print("Share of the network beside the prior, by AUPRC on these maps: {}; others 1\n", shares);
  log_->note(state_.step, "trust", shares);
}

void Training::print_result(const Baselines& baselines, const Summary& best) {
  const double steps = double(state_.step - first_step_), per_step = steps ? session_seconds_ / steps : 0;
  fmt::print("\n{} steps{}, {} of training, {:.0f} ms a step, {:.0f} MiB of tensors at the peak; {}\n\n", state_.step,
             first_step_ ? fmt::format(" ({} of them before --resume)", first_step_) : "",
             format_seconds(session_seconds_), 1000 * per_step,
             double(memory_report(pick_device(options_.device)).peak) / (1 << 20),
             state_.best_step ? fmt::format("best at step {}", state_.best_step) : "no validation gave numbers");
  fmt::print("best.safetensors on {} validation maps, per cent\n{}\n", valid_.size(),
             precision_table({{"this run", &best},
                              {"separation x residue pair prior", &baselines.prior},
                              {"separation prior", &baselines.separation}}));
  fmt::print("{}\n{}\n", auprc_table({{"this run", &best}, {"prior", &baselines.prior}}), band_table(best));

  if (options_.watch == "none" || !steps) return;
  const auto make = [](const nn::Parameters& p) { return std::make_unique<nn::AdamW>(p); };
  report_watch_cost(*log_, state_.step,
                    {.taking = seconds_of_watching(optimizer_, make),
                     .handing = watch_seconds_ / steps,
                     .writing = log_->writer_seconds() / steps,
                     .judging = doctor_->seconds() / steps},
                    per_step);
}

}  // namespace heartbeat
