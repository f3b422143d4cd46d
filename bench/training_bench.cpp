// A whole training step of the contact model: forward, loss, backward, clipping, AdamW, and with watch every histogram.
// bench/run.py starts each case in a process of its own, since it counts the largest memory.
#include <cmath>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "bench/support/bench.h"
#include "graph/protein.h"
#include "nn/optimizer.h"
#include "nn/tri_gcn.h"

namespace {

using namespace heartbeat;

// "VmHWM" or "VmRSS" of this process, in MB.
double process_memory(const std::string& field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) * 1024 / 1e6;
  return 0;
}

// Two residues in a hundred pairs touch in each channel; five in a hundred pairs are not valid.
std::shared_ptr<const ContactTargets> targets_of(long pairs, std::mt19937_64& engine) {
  auto targets = std::make_shared<ContactTargets>();
  for (long p = 0; p < pairs; ++p) {
    std::uint16_t positive = 0, valid = 0;
    for (int k = 0; k < kChannels; ++k) {
      valid |= std::uint16_t((engine() % 20 != 0) << k);
      positive |= std::uint16_t((engine() % 50 == 0) << k);
    }
    targets->positive.push_back(positive & valid);
    targets->valid.push_back(valid);
  }
  targets->positive_weight.assign(kChannels, 7);
  targets->channel_weight.assign(kChannels, 1);
  return targets;
}

// Arguments: size (0 is T, 1 is S), L, watch. One protein of L residues, seed 1.
void contacts_step(benchmark::State& state) {
  const long L = state.range(1);
  const bool watched = state.range(2) != 0;
  const double before = process_memory("VmRSS");
  nn::Init init{.seed = 1, .device = bench::device()};
  const nn::TriGcn model(nn::tri_gcn_options(state.range(0) ? "S" : "T"), init);
  nn::AdamW optimizer(model.parameters(), {.weight_decay = 0.01, .max_norm = 1});
  const auto layout = std::make_shared<const PairLayout>(std::vector<PairMember>{single_chain(L)});
  std::mt19937_64 engine(1);
  const auto tokens = std::make_shared<std::vector<int>>(L);
  for (int& token : *tokens) token = int(engine() % 20);
  const auto targets = targets_of(layout->pairs(), engine);

  std::uint32_t step = 0;
  double loss_value = 0;
  const auto run = [&] {
    optimizer.zero_grad();
    const Tensor loss =
        contact_loss(layout, model(layout, tokens, {.training = true, .step = ++step, .seed = 1}), targets);
    backward(loss);
    nn::WatchFrame frame;
    optimizer.step(1e-3, watched ? &frame : nullptr);
    loss_value = loss.item();
  };
  run();
  const double first = loss_value;
  for (int k = 0; k < 4; ++k) run();
  if (!(loss_value < first)) return state.SkipWithError("the loss does not fall");
  bench::measure(state, run, 0, 0);
  state.counters["peak_MB"] =
      bench::device() == Device::cuda ? memory_report(Device::cuda).peak / 1e6 : process_memory("VmHWM") - before;
}

BENCHMARK(contacts_step)
    ->Name("train_contacts")
    ->ArgNames({"size", "L", "watch"})
    ->ArgsProduct({{0, 1}, {128, 256, 512}, {0, 1}})
    ->Apply(bench::repeated);

}  // namespace
