// A contact model as programs use it: the network, the counted prior its logits start from, and the file they live in.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/batch.h"
#include "graph/metrics.h"
#include "graph/prior.h"
#include "nn/checkpoint.h"
#include "nn/tri_gcn.h"

namespace heartbeat {

// What a user chooses about the network; a checkpoint stores it.
struct ContactModelOptions {
  std::string size = "T", encoder = "relation", trunk = "pairs", tie = "none";
  double dropout = 0.05;
  bool noise = false;             // carries the article's useless module
  bool recompute = false;         // not stored: it changes no result
  std::string precision = "f32";  // f32, tf32 or bf16; stored beside the model, whose tensors are f32
};

// Share of the network's logits that is added to the prior's, for each channel.
using Trust = std::array<float, kChannels>;
Trust full_trust();

// What a training step reads of a batch, in the form in which a recorded step can be given another batch of the same
// lengths: assign() writes it into the same places of a GPU.
struct ContactInputs {
  ContactInputs() = default;
  ContactInputs(const Batch& batch, const std::optional<ContactPrior>& prior, Device device);  // a copy
  void assign(const Batch& batch, const std::optional<ContactPrior>& prior);
  void bring(Device device) const;  // arrays to a GPU, which a recorded step may not do

  std::shared_ptr<PairLayout> layout;
  Ids tokens;
  std::shared_ptr<ContactTargets> targets;
  Tensor known;  // the prior's log-odds; undefined without a prior
};
// "5+6 residues": batches of equal shape differ in nothing but what ContactInputs::assign() writes.
std::string shape_of(const Batch& batch);

struct ContactModel {
  ContactModelOptions options;
  nn::TriGcn network;
  std::optional<ContactPrior> prior;
  Trust trust = full_trust();  // 1 while training; see trust.h

  Device device() const { return network.head.out.b.device(); }
  // Log-odds of a contact [pairs, kChannels]: the prior's plus trust times the network's.
  Tensor logits(const Batch& batch, const nn::Mode& mode = {}) const;
  // What the loss compares: logits + log pw_k. A loss that weighs positives by pw is smallest at odds pw times too
  // high; taking that out here leaves logits() calibrated.
  Tensor training_logits(const Batch& batch, const nn::Mode& mode) const;
  Tensor training_logits(const ContactInputs& inputs, const nn::Mode& mode) const;  // with full trust
  // Probabilities [pairs, kChannels] of one protein's packed triangle; labels are not looked at. The two orders of the
  // chains of a complex are averaged, and so are the two readings of a homodimer. logits, when given, becomes the
  // logits of the chains in their order.
  std::vector<float> predict(const Protein& protein, Tensor* logits = nullptr) const;

  // What a checkpoint holds beside the parameters: the prior's table, and the configuration in the metadata.
  nn::Parameters extra_tensors() const;
  std::string config_json() const;
};

// One protein, whole, without targets.
Batch whole_query(const Protein& protein);
// The prior's log-odds of a batch [pairs, kChannels].
Tensor known_logits(const ContactPrior& prior, const Batch& batch);

// frequency: of positives in each channel, for the last bias of a model without a prior.
ContactModel make_contact_model(const ContactModelOptions& options, std::optional<ContactPrior> prior,
                                std::uint64_t seed, const std::vector<double>& frequency, Device device = Device::cpu,
                                Dtype dtype = Dtype::f32);
// From best.safetensors or last.safetensors. UserError with one sentence where the file is no contact model. precision:
// that of the run unless given.
ContactModel load_contact_model(const std::string& path, Device device = Device::cpu,
                                const std::string& precision = "");

// The loss that training minimises, over whole maps: proteins averaged with weight sqrt(L), as in a batch.
struct ValidationLoss {
  ClassStatistics statistics;  // of the training split
  std::array<double, kChannels> by_channel{};
  double total() const;
};

// Maps of all proteins, scored; f(done) is called after a few, and what it throws ends the evaluation. loss, when
// given, is filled from the same forward passes.
Summary evaluate(const ContactModel& model, const std::vector<Protein>& proteins,
                 const std::function<void(long)>& f = {}, ValidationLoss* loss = nullptr);
// The same with scores that need no network: the baselines.
Summary evaluate(const ContactPrior& prior, const std::vector<Protein>& proteins);

}  // namespace heartbeat
