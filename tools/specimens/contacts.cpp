// Specimens of train_contacts, on a few proteins of ideal helices and strands.
#include "tools/specimens/contacts.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "graph/counter_random.h"
#include "graph/synthetic.h"
#include "tools/contacts/breakages.h"
#include "tools/contacts/training.h"
#include "tools/data/prepare.h"
#include "tools/specimens/quiet.h"

namespace heartbeat {
namespace contact_runs {
namespace {

namespace fs = std::filesystem;

struct Proteins {
  std::vector<Protein> train, valid;
};
struct ContactRun {
  TrainOptions options;
  std::function<void(Proteins&)> spoil = {};
};

// Structures as mmCIF files, read and labelled as prepare_contacts does.
Proteins make_proteins(const std::string& folder, std::uint64_t seed) {
  fs::create_directories(folder);
  CounterRandom draw({seed});
  for (int n = 0; n < 12; ++n) {
    const std::string id = "p" + std::to_string(n);
    std::ofstream(folder + "/" + id + ".cif") << mmcif_of(make_protein(id, draw.between(40L, 48L), seed));
  }
  PrepareOptions options;
  options.structures = folder;
  Proteins proteins;
  for (const Entry& entry : find_entries(folder, false))
    for (Protein& p : prepare(entry, identify(entry), options, {}).chains)
      (proteins.valid.size() < 3 ? proteins.valid : proteins.train).push_back(std::move(p));
  fs::remove_all(folder);
  return proteins;
}

ContactRun little(long steps) {
  ContactRun run;
  run.options.max_steps = steps;
  run.options.eval_steps = 1'000'000;
  run.options.crop = 32;
  run.options.pairs_per_batch = 600;
  run.options.ema = 0.9;
  return run;
}

ContactRun with(ContactRun run, const std::function<void(ContactRun&)>& change) {
  change(run);
  return run;
}

ContactRun preset(const std::string& name, ContactRun run) {
  TrainOptions& o = run.options;
  o.breakage = find_breakage(contact_breakages(), name);
  for (const auto& [flag, value] : o.breakage.settings) {
    if (flag == "--lr") o.lr = std::stod(value);
    if (flag == "--weight-decay") o.weight_decay = std::stod(value);
    if (flag == "--clip") o.clip = std::stod(value);
    if (flag == "--warmup") o.warmup = std::stod(value);
    if (flag == "--prior") o.prior = value;
    if (flag == "--encoder") o.encoder = value;
    if (flag == "--noise-module") o.noise_module = value;
    if (flag == "--ablate") o.ablate = value;
  }
  return run;
}

ContactRun broken(ContactRun run, Breakage breakage) {
  breakage.name = "specimen";
  breakage.broken = breakage.look = "A specimen.";
  run.options.breakage = std::move(breakage);
  return run;
}

std::vector<AlertRow> train(const ContactRun& run, const std::string& directory, std::uint64_t seed) {
  const Quiet quiet;
  Proteins proteins = make_proteins(directory + ".proteins", seed);
  if (run.spoil) run.spoil(proteins);
  TrainOptions options = run.options;
  options.run_dir = directory;
  options.seed = seed;
  options.quiet = true;
  options.tensorboard = "off";
  const Baselines baselines = print_baselines(proteins.train, proteins.valid);
  Training training(options, proteins.train, proteins.valid);
  wants_checks(options) ? training.check() : training.run(baselines);
  return training.alerts();
}

void all_alanine(Proteins& proteins) {
  for (Protein& p : proteins.train) p.sequence.assign(p.sequence.size(), 0);
}
void every_residue_a_chain(Proteins& proteins) {
  for (Protein& p : proteins.train)
    for (std::size_t i = 0; i < p.segment.size(); ++i) p.segment[i] = std::uint8_t(i);
}
void no_contacts(Proteins& proteins) {
  for (std::size_t k = 0; k < proteins.train.size(); k += 2) proteins.train[k].contacts.clear();
}
void many_unknown(Proteins& proteins) {
  for (Protein& p : proteins.train)
    for (std::size_t i = 0; i < p.sequence.size(); i += 5) p.sequence[i] = kUnknown;
}

}  // namespace
}  // namespace contact_runs

std::vector<Specimen> contact_specimens() {
  using namespace contact_runs;
  std::vector<Specimen> all;
  const auto add = [&](const std::string& name, std::vector<std::string> rules, ContactRun run) {
    const std::string chosen = run.options.breakage.name == "specimen" ? "" : run.options.breakage.name;
    all.push_back({"contacts, " + name, std::move(rules), chosen, run.options.doctor.limits,
                   [run](const std::string& directory, std::uint64_t seed) { return train(run, directory, seed); }});
  };
  add("size T", {}, little(160));
  add("size T without a prior", {}, with(little(160), [](auto& r) { r.options.prior = "off"; }));
  add("the gated encoder, activations watched", {},
      with(little(160), [](auto& r) { r.options.encoder = "ggn", r.options.watch_activations = 2; }));
  add("size T, probed and activations watched", {}, with(little(66), [](auto& r) {
        r.options.probe = 6, r.options.watch_activations = 4, r.options.pairs_per_batch = 2400;
      }));
  add("size T, checked", {}, with(little(10), [](auto& r) {
        r.options.gradcheck = true, r.options.verify = 3, r.options.overfit_batch = 60;
      }));
  add("preset", {"R33", "R32"}, preset("mean", little(105)));
  add("preset", {"R05", "R04", "R01", "R02", "R03"}, preset("overflow", little(80)));
  // Four windows of 50. Three proteins to a batch: the loss of one says little about where a run stands.
  add("preset", {"R16", "R26"}, preset("lr", with(little(200), [](auto& r) { r.options.pairs_per_batch = 1800; })));
  add("preset", {"R13", "R11", "R14"}, preset("frozen-embedding", little(25)));
  add("preset", {"R38"}, preset("noise", little(200)));
  add("preset", {"R56"}, preset("variance-up", little(240)));
  add("preset", {"R57", "R26"}, preset("stuck", little(200)));
  add("preset", {"R58"}, preset("scale-gap", little(105)));
  add("one letter for every residue", {"R14"}, with(little(25), [](auto& r) {
        r.spoil = all_alanine;
        r.options.doctor.limits = {"R14.patience=20"};
      }));
  add("a last bias of 0 without a prior", {"R23"},
      broken(with(little(2), [](auto& r) { r.options.prior = "off"; }), {.initial = {{"head.out.bias", 0}}}));
  add("embeddings a hundred times as large", {"R19"},
      broken(with(little(25), [](auto& r) { r.options.encoder = "ggn", r.options.watch_activations = 1; }),
             {.initial = {{"embedding.weight", 100}}}));
  add("graph convolutions that add the same to every node", {"R53"},
      broken(with(little(25), [](auto& r) { r.options.encoder = "gcn", r.options.watch_activations = 1; }),
             {.initial = {{"blocks.*.conv.linear.bias", 300}}}));
  add("every residue a chain of its own", {"R54"}, with(little(2), [](auto& r) { r.spoil = every_residue_a_chain; }));
  add("half of the proteins without contacts", {"R54"}, with(little(2), [](auto& r) { r.spoil = no_contacts; }));
  add("a fifth of the residues unknown", {"R46"}, with(little(2), [](auto& r) { r.spoil = many_unknown; }));
  add("gradients clipped to 1e-4", {"R50"}, with(little(105), [](auto& r) { r.options.clip = 1e-4; }));
  return all;
}

}  // namespace heartbeat
