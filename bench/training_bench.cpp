// Whole training steps, from forward to update, and with watch every histogram of the step: the contact model and
// MNIST. bench/run.py starts each case in a process of its own, since it counts the largest memory.
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "bench/support/bench.h"
#include "graph/protein.h"
#include "nn/mnist_net.h"
#include "nn/optimizer.h"
#include "nn/step_graphs.h"
#include "nn/tri_gcn.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"

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

// Steps with the loss that `loss_at` builds. They count only where the loss falls.
void measure_steps(benchmark::State& state, nn::Optimizer& optimizer, double lr, bool watched, double memory_before,
                   const std::function<Tensor(std::uint32_t step)>& loss_at) {
  std::uint32_t step = 0;
  double loss_value = 0;
  const auto run = [&] {
    optimizer.zero_grad();
    const Tensor loss = loss_at(++step);
    backward(loss);
    nn::WatchFrame frame;
    optimizer.step(lr, watched ? &frame : nullptr);
    loss_value = loss.item();
  };
  run();
  const double first = loss_value;
  for (int k = 0; k < 4; ++k) run();
  if (!(loss_value < first)) return state.SkipWithError("the loss does not fall");
  bench::measure(state, run, 0, 0);
  state.counters["peak_MB"] = bench::device() == Device::cuda ? double(memory_report(Device::cuda).peak) / 1e6
                                                              : process_memory("VmHWM") - memory_before;
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

  measure_steps(state, optimizer, 1e-3, watched, before, [&](std::uint32_t step) {
    const Tensor logits = model(layout, tokens, {.training = true, .step = step, .seed = 1});
    return contact_loss(layout, logits, targets);
  });
}

// Arguments: images in a batch, watch. The article's network with its noise module, plain SGD.
void mnist_step(benchmark::State& state) {
  const long n = state.range(0);
  const double before = process_memory("VmRSS");
  nn::Init init{.seed = 1, .device = bench::device()};
  const nn::MnistNet model(true, init);
  nn::Sgd optimizer(model.parameters());
  const Tensor images = testing::random_normal({n, 1, 28, 28}, Dtype::f32, 1).to(bench::device());
  const Ids labels = testing::random_labels(n, 10, 2);
  measure_steps(state, optimizer, 0.01, state.range(1) != 0, before, [&](std::uint32_t step) {
    return cross_entropy(model(images, model.noise(n, {.seed = 1, .step = step, .layer = 0})), labels);
  });
}

#if HEARTBEAT_CUDA
// The same, recorded once and replayed; the peer launches kernel by kernel.
void mnist_graph_step(benchmark::State& state) {
  if (bench::device() == Device::cpu) return state.SkipWithError("needs --device cuda");
  const long n = state.range(0);
  const bool watched = state.range(1) != 0;
  nn::Init init{.seed = 1, .device = bench::device()};
  const nn::MnistNet model(true, init);
  nn::Sgd optimizer(model.parameters());
  const Tensor images = testing::random_normal({n, 1, 28, 28}, Dtype::f32, 1).to(bench::device());
  const Ids labels = testing::random_labels(n, 10, 2);
  const bench::Array<std::uint32_t> step_number(1);
  const RandomKey key{.seed = 1, .step = 1, .layer = 0, .device_step = step_number.data()};

  std::string refusal;
  nn::StepGraphs graphs(optimizer, "", [&](bool recorded, const std::string& sentence) {
    if (!recorded) refusal = sentence;
  });
  std::optional<nn::StepGraphs::Queued> last;  // what a step measured is fetched behind the next, as in the trainers
  const auto run = [&] {
    const nn::StepGraphs::Queued now = graphs.step("digits", 0.01, watched, [&] {
      optimizer.zero_grad();
      const Tensor loss = cross_entropy(model(images, model.noise(n, key)), labels);
      backward(loss);
      return loss;
    });
    if (watched && last) last->measured.take();
    last = now;
  };
  run();
  const double first = last->loss.item();
  for (int k = 0; k < 4; ++k) run();
  if (!refusal.empty()) return state.SkipWithError(refusal.c_str());
  if (graphs.replays() < 4 || !(last->loss.item() < first)) return state.SkipWithError("the loss does not fall");
  bench::measure(state, run, 0, 0);
}
BENCHMARK(mnist_graph_step)
    ->Name("train_mnist/graph")
    ->ArgNames({"batch", "watch"})
    ->ArgsProduct({{64}, {0, 1}})
    ->Apply(bench::repeated);
#endif

BENCHMARK(contacts_step)
    ->Name("train_contacts")
    ->ArgNames({"size", "L", "watch"})
    ->ArgsProduct({{0, 1}, {128, 256, 512}, {0, 1}})
    ->Apply(bench::repeated);
BENCHMARK(mnist_step)
    ->Name("train_mnist")
    ->ArgNames({"batch", "watch"})
    ->ArgsProduct({{64}, {0, 1}})
    ->Apply(bench::repeated);

}  // namespace
