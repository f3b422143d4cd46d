#include "tools/contacts/trust.h"

#include "autograd/tape.h"

namespace heartbeat {
namespace {

constexpr std::array<float, 5> kShares = {1, 0.75f, 0.5f, 0.25f, 0};  // among equals the network is followed

// The map scored once for each share.
std::array<MapScore, kShares.size()> score_shares(const ContactModel& model, const Protein& protein) {
  const NoGrad no_grad;
  const Batch batch = whole_query(protein);
  const Tensor known = known_logits(*model.prior, batch),
               found = model.network(batch.layout, batch.tokens, {}).to(Device::cpu);
  std::array<MapScore, kShares.size()> scores;
#pragma omp parallel for
  for (size_t s = 0; s < kShares.size(); ++s) {
    std::vector<float> logits(known.numel());
    for (size_t e = 0; e < logits.size(); ++e) logits[e] = known.data<float>()[e] + kShares[s] * found.data<float>()[e];
    scores[s] = score_map(protein, logits.data());
  }
  return scores;
}

}  // namespace

Trust choose_trust(const ContactModel& model, const std::vector<Protein>& proteins,
                   const std::function<void(long)>& f) {
  Trust best = full_trust();
  if (!model.prior) return best;
  std::array<std::vector<MapScore>, kShares.size()> maps;
  for (size_t m = 0; m < proteins.size(); ++m) {
    const auto scores = score_shares(model, proteins[m]);
    for (size_t s = 0; s < kShares.size(); ++s) maps[s].push_back(scores[s]);
    if (f) f(long(m + 1));
  }
  std::array<double, kChannels> best_auprc;
  best_auprc.fill(-1);
  for (size_t s = 0; s < kShares.size(); ++s) {
    const Summary summary(std::move(maps[s]));
    for (int k = 0; k < kChannels; ++k) {
      const double auprc = summary.auprc(k, Band::all).mean;
      if (auprc > best_auprc[k]) best_auprc[k] = auprc, best[k] = kShares[s];
    }
  }
  return best;
}

}  // namespace heartbeat
