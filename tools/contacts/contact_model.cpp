#include "tools/contacts/contact_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

constexpr const char* kPriorName = "prior.table";
constexpr const char* kKind = "heartbeat contact model 1";

// On the device and of the dtype of `like`.
Tensor as(const Tensor& like, const Tensor& x) {
  if (x.dtype() == like.dtype()) return x.to(like.device());
  Tensor y(x.shape(), like.dtype(), like.device());
  y.assign(x);
  return y;
}

Tensor for_the_loss(const Tensor& logits, const ContactTargets& targets) {
  Tensor shift({kChannels});
  for (int k = 0; k < kChannels; ++k) shift.data<float>()[k] = float(std::log(targets.positive_weight[k]));
  return add_bias(logits, as(logits, shift));
}

Trust trust_from(const nlohmann::json& json, const std::string& path) {
  const auto is_number = [](const nlohmann::json& v) { return v.is_number(); };
  if (!json.is_array() || json.size() != kChannels || !std::all_of(json.begin(), json.end(), is_number))
    throw UserError(fmt::format("{} is damaged: its trust has to be {} numbers", path, kChannels));
  return json.get<Trust>();
}

std::vector<float> probabilities(const Tensor& logits) {
  const Tensor z = logits.to(Device::cpu);
  std::vector<float> p(z.numel());
  for (long e = 0; e < z.numel(); ++e) p[e] = 1 / (1 + std::exp(-z.data<float>()[e]));
  return p;
}

std::vector<double> loss_by_channel(const Tensor& logits, const Batch& batch) {
  const NoGrad no_grad;
  return contact_loss_by_channel(batch.layout, for_the_loss(logits, *batch.targets), *batch.targets);
}

// Residue i of the protein with its first two chains exchanged is residue order[i] of the protein.
std::vector<long> swapped_order(const Protein& protein) {
  std::vector<long> order(protein.length());
  std::iota(order.begin(), order.end(), 0);
  const auto second = std::find_if(protein.segment.begin(), protein.segment.end(), [](int s) { return s > 0; });
  std::rotate(order.begin(), order.begin() + (second - protein.segment.begin()), order.end());
  return order;
}

// p: probabilities of the chains in their order.
std::vector<float> average_of_chain_orders(const ContactModel& model, const Protein& protein, std::vector<float> p) {
  const long length = protein.length(), first = std::count(protein.segment.begin(), protein.segment.end(), 0);
  const auto order = swapped_order(protein);
  Protein swapped;
  for (long i = 0; i < length; ++i) {
    swapped.sequence.push_back(protein.sequence[order[i]]);
    swapped.segment.push_back(i >= length - first);
  }
  const std::vector<float> q = probabilities(model.logits(whole_query(swapped)));
  for (long i = 0; i < length; ++i)
    for (long j = i; j < length; ++j) {
      const long a = std::min(order[i], order[j]), b = std::max(order[i], order[j]);
      for (int k = 0; k < kChannels; ++k) {
        float& to = p[pair_index(a, b, length) * kChannels + k];
        to = (to + q[pair_index(i, j, length) * kChannels + k]) / 2;
      }
    }
  const bool homodimer = 2 * first == length && std::equal(protein.sequence.begin(), protein.sequence.begin() + first,
                                                           protein.sequence.begin() + first);
  if (!homodimer) return p;
  for (long i = 0; i < first; ++i)
    for (long j = i + 1; j < first; ++j)
      for (int k = 0; k < kChannels; ++k) {
        float& a = p[pair_index(i, first + j, length) * kChannels + k];
        float& b = p[pair_index(j, first + i, length) * kChannels + k];
        a = b = (a + b) / 2;
      }
  return p;
}

}  // namespace

Trust full_trust() {
  Trust trust;
  trust.fill(1);
  return trust;
}

Batch whole_query(const Protein& protein) {
  PairMember member = single_chain(protein.length());
  member.segment = protein.segment;
  for (long i = 1; i < protein.length(); ++i)
    member.position[i] = protein.segment[i] == protein.segment[i - 1] ? member.position[i - 1] + 1 : 0;
  Batch batch;
  std::vector<PairMember> members;
  members.push_back(std::move(member));
  batch.layout = std::make_shared<const PairLayout>(std::move(members));
  batch.tokens = std::make_shared<const std::vector<int>>(protein.sequence.begin(), protein.sequence.end());
  batch.members = {&protein};
  return batch;
}

Tensor known_logits(const ContactPrior& prior, const Batch& batch) {
  Tensor known({batch.layout->pairs(), kChannels});
  const std::vector<std::uint8_t> tokens(batch.tokens->begin(), batch.tokens->end());
  for (long m = 0; m < batch.layout->size(); ++m) {
    const PairMap& map = batch.layout->map(m);
    prior.logits(map, tokens.data() + map.first_residue, known.data<float>() + map.first_pair * kChannels);
  }
  return known;
}

ContactInputs::ContactInputs(const Batch& batch, const std::optional<ContactPrior>& prior, Device device)
    : tokens(std::make_shared<std::vector<int>>(*batch.tokens)),
      targets(std::make_shared<ContactTargets>(*batch.targets)) {
  std::vector<PairMember> members;
  for (long m = 0; m < batch.layout->size(); ++m) members.push_back(batch.layout->member(m));
  layout = std::make_shared<PairLayout>(std::move(members));
  if (prior) known = known_logits(*prior, batch).to(device);
}

void ContactInputs::assign(const Batch& batch, const std::optional<ContactPrior>& prior) {
  layout->assign(*batch.layout);
  tokens.assign(*batch.tokens);
  targets->assign(*batch.targets);
  if (prior) known.assign(known_logits(*prior, batch));
}

void ContactInputs::bring([[maybe_unused]] Device device) const {
#if HEARTBEAT_CUDA
  if (device == Device::cpu) return;
  const Cuda stream = cuda::compute_stream();
  layout->view(stream);
  layout->keys(stream);
  tokens.on(stream);
  targets->positive_mirror.of(stream, targets->positive);
  targets->valid_mirror.of(stream, targets->valid);
  targets->positive_weight_mirror.of(stream, targets->positive_weight);
  targets->channel_weight_mirror.of(stream, targets->channel_weight);
#endif
}

std::string shape_of(const Batch& batch) {
  std::string lengths;
  for (long m = 0; m < batch.layout->size(); ++m)
    lengths += (m ? "+" : "") + std::to_string(batch.layout->map(m).length);
  return lengths + " residues";
}

Tensor ContactModel::logits(const Batch& batch, const nn::Mode& mode) const {
  const Tensor z = network(batch.layout, batch.tokens, mode);
  if (!prior) return z;
  const Tensor known = known_logits(*prior, batch);
  if (trust == full_trust()) return add(z, as(z, known));
  const Tensor found = z.to(Device::cpu), y(z.shape());
  for (long e = 0; e < z.numel(); ++e)
    y.data<float>()[e] = known.data<float>()[e] + trust[e % kChannels] * found.data<float>()[e];
  return y.to(z.device());
}

Tensor ContactModel::training_logits(const Batch& batch, const nn::Mode& mode) const {
  return for_the_loss(logits(batch, mode), *batch.targets);
}

Tensor ContactModel::training_logits(const ContactInputs& in, const nn::Mode& mode) const {
  const Tensor z = network(in.layout, in.tokens, mode);
  return for_the_loss(prior ? add(z, in.known) : z, *in.targets);
}

std::vector<float> ContactModel::predict(const Protein& protein, Tensor* out) const {
  const NoGrad no_grad;
  const Tensor z = logits(whole_query(protein));
  if (out) *out = z;
  const bool two_chains = !protein.segment.empty() && protein.segment.back() == 1;
  return two_chains ? average_of_chain_orders(*this, protein, probabilities(z)) : probabilities(z);
}

nn::Parameters ContactModel::extra_tensors() const {
  if (!prior) return {};
  Tensor table({ContactPrior::kBuckets, kTokens, kTokens, kChannels});
  std::copy(prior->table().begin(), prior->table().end(), table.data<float>());
  return {{kPriorName, table}};
}

std::string ContactModel::config_json() const {
  const nlohmann::json json = {{"kind", kKind},          {"size", options.size}, {"encoder", options.encoder},
                               {"trunk", options.trunk}, {"tie", options.tie},   {"dropout", options.dropout},
                               {"prior", bool(prior)},   {"trust", trust},       {"channels", kChannels}};
  nlohmann::json all = json;
  if (options.noise) all["noise_module"] = true;
  return all.dump();
}

ContactModel make_contact_model(const ContactModelOptions& o, std::optional<ContactPrior> prior, std::uint64_t seed,
                                const std::vector<double>& frequency, Device device, Dtype dtype) {
  nn::TriGcnOptions network = nn::tri_gcn_options(o.size);
  network.encoder.kind = nn::encoder_kind(o.encoder);
  if (o.encoder == "ggn") network.encoder.width = nn::EncoderOptions{}.width;
  if (o.trunk == "none") network.blocks = 0;
  network.tie = o.tie == "transpose" ? Tie::transpose : Tie::none;
  network.dropout = o.dropout;
  network.recompute = o.recompute;
  network.noise = o.noise;
  network.encoder.bf16 = o.precision == "bf16" && dtype == Dtype::f32;  // checks of gradients are f64 throughout
  if (!prior) network.frequency = frequency;  // a prior carries the rates; without one the last bias does
  nn::Init init{.seed = seed, .dtype = dtype, .device = device};
  return {o, nn::TriGcn(network, init), std::move(prior)};
}

ContactModel load_contact_model(const std::string& path, Device device, const std::string& precision) {
  const nn::Checkpoint file = nn::read_checkpoint(path);
  const auto text = file.metadata.find("model");
  const auto json =
      text == file.metadata.end() ? nlohmann::json() : nlohmann::json::parse(text->second, nullptr, false);
  if (!json.is_object() || json.value("kind", "") != kKind)
    throw UserError(path + " is no contact model of this version: give the best.safetensors of a train_contacts run");
  ContactModelOptions o;
  o.size = json.value("size", o.size);
  o.encoder = json.value("encoder", o.encoder);
  o.trunk = json.value("trunk", o.trunk);
  o.tie = json.value("tie", o.tie);
  o.dropout = json.value("dropout", o.dropout);
  o.noise = json.value("noise_module", false);
  const auto trained_in = file.metadata.find("precision");
  o.precision = !precision.empty() ? precision : trained_in == file.metadata.end() ? "f32" : trained_in->second;
  std::optional<ContactPrior> prior;
  if (json.value("prior", false)) {
    const Tensor* table = file.find(kPriorName);
    if (!table || table->numel() != ContactPrior::kEntries || table->dtype() != Dtype::f32)
      throw UserError(path + " is damaged: its prior table is missing or of another size");
    prior.emplace(std::vector<float>(table->data<float>(), table->data<float>() + table->numel()));
  }
  ContactModel model = make_contact_model(o, std::move(prior), 0, {}, device);
  if (json.contains("trust")) model.trust = trust_from(json["trust"], path);
  nn::load_into(model.network.parameters(), file);
  return model;
}

double ValidationLoss::total() const {
  return std::accumulate(by_channel.begin(), by_channel.end(), 0.0);
}

Summary evaluate(const ContactModel& model, const std::vector<Protein>& proteins, const std::function<void(long)>& f,
                 ValidationLoss* loss) {
  constexpr size_t kTogether = 16;  // maps are predicted one by one, each on all cores, and ranked side by side
  std::vector<MapScore> maps(proteins.size());
  std::array<double, kChannels> sums{};
  double weights = 0;
  for (size_t first = 0; first < proteins.size(); first += kTogether) {
    const size_t last = std::min(first + kTogether, proteins.size());
    std::vector<std::vector<float>> predicted;
    for (size_t m = first; m < last; ++m) {
      Tensor logits;
      predicted.push_back(model.predict(proteins[m], loss ? &logits : nullptr));
      if (!loss) continue;
      const double weight = std::sqrt(double(proteins[m].length()));
      const auto parts = loss_by_channel(logits, whole_batch({&proteins[m]}, loss->statistics));
      for (int k = 0; k < kChannels; ++k) sums[k] += weight * parts[k];
      weights += weight;
    }
#pragma omp parallel for schedule(dynamic)
    for (size_t m = first; m < last; ++m) maps[m] = score_map(proteins[m], predicted[m - first].data());
    if (f) f(long(last));
  }
  if (loss && weights > 0)
    for (int k = 0; k < kChannels; ++k) loss->by_channel[k] = sums[k] / weights;
  return Summary(std::move(maps));
}

Summary evaluate(const ContactPrior& prior, const std::vector<Protein>& proteins) {
  std::vector<MapScore> maps(proteins.size());
#pragma omp parallel for schedule(dynamic)
  for (size_t m = 0; m < proteins.size(); ++m) {
    const Batch batch = whole_query(proteins[m]);
    std::vector<float> scores(batch.layout->pairs() * kChannels);
    prior.logits(batch.layout->map(0), proteins[m].sequence.data(), scores.data());
    maps[m] = score_map(proteins[m], scores.data());
  }
  return Summary(std::move(maps));
}

}  // namespace heartbeat
