// The share of the network beside the prior: chosen by what ranks best, kept in the checkpoint.
#include "tools/contacts/trust.h"

#include <gtest/gtest.h>

#include "autograd/tape.h"
#include "kernels/common/error.h"
#include "nn/checkpoint.h"
#include "tests/support/proteins.h"
#include "tests/support/scratch.h"

namespace heartbeat {
namespace {

using testing::random_protein;
using testing::Scratch;

std::vector<Protein> proteins() {
  std::vector<Protein> made;
  for (int k = 0; k < 4; ++k) made.push_back(random_protein("p" + std::to_string(k), {40 + k}, 3));
  return made;
}

// A network that has learned nothing beside a prior counted on the very proteins it is judged by.
ContactModel model_of(const std::vector<Protein>& known, bool with_prior = true) {
  std::optional<ContactPrior> prior;
  if (with_prior) prior = ContactPrior::count(known);
  return make_contact_model({}, prior, 1, std::vector<double>(kChannels, 0.05));
}

void save(const ContactModel& model, const std::string& path, const std::string& config) {
  nn::Parameters tensors = model.network.parameters();
  for (const auto& extra : model.extra_tensors()) tensors.push_back(extra);
  nn::save_checkpoint(path, tensors, {{"model", config}});
}

TEST(Trust, IsNeverWorseThanThePriorOrTheNetwork) {
  const auto all = proteins();
  ContactModel model = model_of(all);
  // Random weights, loud enough to spoil the ranking.
  for (auto& p : model.network.head.parameters())
    for (long e = 0; e < p.tensor.numel(); ++e) p.tensor.data<float>()[e] *= 40;
  const Summary network = evaluate(model, all), prior = evaluate(*model.prior, all);
  model.trust = choose_trust(model, all);
  const Summary chosen = evaluate(model, all);
  int reduced = 0;
  for (int k = 0; k < kChannels; ++k) {
    const double auprc = chosen.auprc(k, Band::all).mean;
    EXPECT_GE(auprc, prior.auprc(k, Band::all).mean - 1e-12) << kChannelTable[k].name;
    EXPECT_GE(auprc, network.auprc(k, Band::all).mean - 1e-12) << kChannelTable[k].name;
    reduced += model.trust[k] < 1;
  }
  EXPECT_GT(reduced, 0) << "noise beside a good prior was trusted in every channel";
}

TEST(Trust, IsFullWithoutPositivesAndWithoutPrior) {
  auto all = proteins();
  EXPECT_EQ(choose_trust(model_of(all, false), all), full_trust());
  const ContactModel model = model_of(all);
  for (Protein& p : all) p.contacts.clear();
  EXPECT_EQ(choose_trust(model, all), full_trust());
}

TEST(Trust, MixesPriorAndNetwork) {
  const auto all = proteins();
  ContactModel model = model_of(all);
  const NoGrad no_grad;
  const Batch batch = whole_query(all[0]);
  const Tensor full = model.logits(batch), known = known_logits(*model.prior, batch);
  for (int k = 0; k < kChannels; ++k) model.trust[k] = float(k) / kChannels;
  const Tensor mixed = model.logits(batch);
  for (long e = 0; e < full.numel(); ++e) {
    const float z = full.data<float>()[e] - known.data<float>()[e];
    ASSERT_NEAR(mixed.data<float>()[e], known.data<float>()[e] + model.trust[e % kChannels] * z, 1e-4) << e;
  }
}

TEST(Trust, IsKeptInTheCheckpoint) {
  const Scratch scratch;
  ContactModel model = model_of(proteins());
  model.trust[1] = 0.25f;
  save(model, scratch.file("model.safetensors"), model.config_json());
  EXPECT_EQ(load_contact_model(scratch.file("model.safetensors")).trust, model.trust);
  std::string damaged = model.config_json();
  damaged.replace(damaged.find("0.25"), 4, "true");
  save(model, scratch.file("damaged.safetensors"), damaged);
  EXPECT_THROW(load_contact_model(scratch.file("damaged.safetensors")), UserError);
}

}  // namespace
}  // namespace heartbeat
