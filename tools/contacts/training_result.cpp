// The end of a training: what the best weights reach, and what watching them cost.
#include <fmt/format.h>

#include "autograd/pick_device.h"
#include "autograd/tensor.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/contacts/tables.h"
#include "tools/contacts/training.h"
#include "tools/contacts/trust.h"
#include "tools/train/run_files.h"
#include "tools/train/watch_log.h"

namespace heartbeat {

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
                     .writing = log_->writer_seconds() / steps},
                    per_step);
}

}  // namespace heartbeat
