// Work that is recorded once and replayed: the graph itself, and whole training steps, whose bits are those of steps
// that are launched kernel by kernel.
#include <gtest/gtest.h>

#include <cstdlib>

#include "autograd/later.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "kernels/common/device.h"
#include "nn/mnist_net.h"
#include "nn/step_graphs.h"
#include "tests/support/gradcheck.h"

namespace heartbeat::testing {
namespace {

using Numbers = std::vector<double>;

Tensor on_gpu(const Numbers& values) {
  return Tensor::from({long(values.size())}, values, Dtype::f32, Device::cuda);
}

// Allocations, once all that is queued has been done.
std::size_t allocations() {
  cuda::synchronize(cuda::compute_stream());
  return cuda::memory_report().allocations;
}

TEST(Graph, ReplaysOnWhatLiesInItsMemoryThen) {
  const Tensor x = on_gpu({1, 2, 3}), y = on_gpu({0, 0, 0});
  cuda::Graph graph(cuda::compute_stream(), [&] { y.assign(add(scale(x, 2), x)); });
  EXPECT_EQ(graph.operations(), 3u);
  EXPECT_EQ(y.to_vector(), (Numbers{0, 0, 0}));  // recorded, not done
  graph.replay();
  EXPECT_EQ(y.to_vector(), (Numbers{3, 6, 9}));
  x.assign(Tensor::from({3}, {10, 20, 30}));
  graph.replay();
  x.assign(Tensor::from({3}, {5, 5, 5}));  // behind the replay
  EXPECT_EQ(y.to_vector(), (Numbers{30, 60, 90}));
}

// Host memory that an upload reads is gone when the graph runs, and its place is used again by what follows.
TEST(Graph, UploadsBecomeConstants) {
  const Tensor y = on_gpu({0, 0});
  cuda::Graph graph(cuda::compute_stream(), [&] {
    Tensor sum = Tensor::zeros({2}, Dtype::f32, Device::cuda);
    for (double k = 1; k <= 3; ++k) sum = add(sum, on_gpu({k, 10 * k}));
    y.assign(sum);
  });
  for (int k = 0; k < 2; ++k) {
    y.assign(Tensor::zeros({2}));
    graph.replay();
    EXPECT_EQ(y.to_vector(), (Numbers{6, 60}));
  }
}

// Two thousand tensors, one after the other, need the memory of a few.
TEST(Graph, MemoryIsUsedAgain) {
  const Tensor x = on_gpu(Numbers(10'000, 1.0));
  Tensor y;
  const cuda::Graph graph(cuda::compute_stream(), [&] {
    y = x;
    for (int k = 0; k < 2'000; ++k) y = scale(y, 1);
  });
  EXPECT_EQ(graph.operations(), 2'000u);
  EXPECT_LE(graph.bytes(), std::size_t{8} << 20);
}

TEST(Graph, ItsMemoryOutlivesIt) {
  Tensor y;
  const std::size_t before = allocations();
  {
    const Tensor x = on_gpu({1, 2});
    cuda::Graph graph(cuda::compute_stream(), [&] { y = scale(x, 2); });
    graph.replay();
  }
  EXPECT_EQ(y.to_vector(), (Numbers{2, 4}));
  y = {};
  EXPECT_EQ(allocations(), before);
}

// What is older than the graph and released inside it goes when the recording is over.
TEST(Graph, OlderMemoryMayBeReleasedInside) {
  Tensor old = on_gpu({1, 2}), y = on_gpu({0, 0});
  const std::size_t before = allocations();
  cuda::Graph graph(cuda::compute_stream(), [&] {
    old = {};
    y.assign(on_gpu({3, 4}));
  });
  graph.replay();
  EXPECT_EQ(y.to_vector(), (Numbers{3, 4}));
  EXPECT_EQ(allocations(), before - 1 + 2);  // without old, with a slab and one of constants
}

template <class F>
std::string refusal(F work) {
  try {
    const cuda::Graph graph(cuda::compute_stream(), work);
  } catch (const cuda::NotRecordable& e) {
    return e.what();
  }
  return "none";
}

// And what has been refused leaves the stream as it was.
TEST(Graph, WhatNeedsTheHostIsRefused) {
  const Tensor x = on_gpu({7});
  const Ids ids = std::make_shared<std::vector<int>>(std::vector{0, 1});
  const Tensor table = on_gpu({1, 2, 3, 4}).reshape({2, 2});
  const std::size_t before = allocations();
  EXPECT_EQ(refusal([&] { scale(x, 2).item(); }), "the step copies from or to memory of the host");
  EXPECT_EQ(refusal([&] { cuda::synchronize(cuda::compute_stream()); }), "the host waits for the GPU inside the step");
  EXPECT_EQ(refusal([&] { Later(scale(x, 2)).get(); }), "another stream waits for the middle of the step");
  const cuda::Event other(cuda::copy_stream());
  EXPECT_EQ(refusal([&] { cuda::wait(cuda::compute_stream(), other); }), "the step waits for another stream");
  EXPECT_EQ(refusal([&] { embedding(table, ids); }), "the step brings an array to the GPU for the first time");
  EXPECT_EQ(refusal([&] { cuda::Graph(cuda::compute_stream(), [] {}); }), "another step is being recorded");
  EXPECT_THROW(cuda::Graph(cuda::compute_stream(), [&] { add(x, table); }), std::invalid_argument);
  EXPECT_EQ(scale(x, 2).item(), 14);
  EXPECT_EQ(allocations(), before);
}

PairMember member(long length, std::uint64_t key, int first_position) {
  PairMember m = single_chain(length, key);
  for (int& p : m.position) p += first_position;
  return m;
}

// Other proteins of the same lengths, other tokens and another step.
TEST(Graph, AReplayReadsWhatHasTakenTheirPlace) {
  const auto layout = std::make_shared<PairLayout>(std::vector{member(3, 1, 0), member(5, 2, 10)});
  const auto other =
      std::make_shared<const PairLayout>(std::vector{member(3, 77, 4), member(5, std::uint64_t{1} << 50, 0)});
  const Tensor x = random_normal({layout->pairs(), 4}, Dtype::f32, 1).to(Device::cuda);
  const Tensor table = random_normal({21, 3}, Dtype::f32, 2).to(Device::cuda), dropped = x.copy(),
               found = Tensor({2, 3}, Dtype::f32, Device::cuda);
  const Ids ids = std::make_shared<std::vector<int>>(std::vector{1, 2}), copied = ids;
  Storage number(Device::cuda, sizeof(std::uint32_t));
  const RandomKey key{.seed = 3, .layer = 2, .device_step = reinterpret_cast<const std::uint32_t*>(number.data())};
  layout->keys(cuda::compute_stream());
  layout->view(cuda::compute_stream());
  ids.on(cuda::compute_stream());
  cuda::Graph graph(cuda::compute_stream(), [&] {
    dropped.assign(dropout(x, 0.5, key, layout));
    found.assign(embedding(table, copied));
  });
  const auto expect_replay = [&](std::uint32_t step, const Layout& like, const Ids& tokens) {
    number.write(&step);
    graph.replay();
    EXPECT_EQ(dropped.to_vector(), dropout(x, 0.5, {.seed = 3, .step = step, .layer = 2}, like).to_vector());
    EXPECT_EQ(found.to_vector(), embedding(table, tokens).to_vector());
  };
  expect_replay(7, std::make_shared<const PairLayout>(std::vector{member(3, 1, 0), member(5, 2, 10)}), ids);
  layout->assign(*other);
  ids.assign({20, 0});
  expect_replay(8, other, std::make_shared<std::vector<int>>(std::vector{20, 0}));
  EXPECT_EQ(*copied, (std::vector{20, 0}));
  EXPECT_THROW(ids.assign({1}), std::invalid_argument);
  EXPECT_THROW(Ids(std::make_shared<const std::vector<int>>(2)).assign({1, 2}), std::invalid_argument);
}

TEST(ForbidWaits, NamesTheFirstPlace) {
  const Tensor x = on_gpu({7});
  {
    const cuda::ForbidWaits unasked;
    x.item();
    unasked.expect_none("step 1");
  }
  setenv("HEARTBEAT_FORBID_WAITS", "1", 1);
  {
    const cuda::ForbidWaits waits;
    const Later value(scale(x, 2));
    waits.expect_none("step 2");
    const unsigned line = __LINE__ + 1;
    x.item();
    x.to_vector();
    try {
      waits.expect_none("step 2");
      ADD_FAILURE() << "two waits went unnoticed";
    } catch (const std::logic_error& e) {
      EXPECT_EQ(std::string(e.what()),
                "step 2 makes the host wait for the GPU 2 times, first at devices/graph_test.cpp:" +
                    std::to_string(line) + " (HEARTBEAT_FORBID_WAITS is set)");
    }
  }
  unsetenv("HEARTBEAT_FORBID_WAITS");
}

// A small training: batch k of two sizes, dropout-free, with noise that differs at every step.
struct Recipe {
  bool reference, adam, watched;
  long watch_every = 1;
};

struct Outcome {
  std::vector<double> losses;
  std::vector<nn::WatchFrame> frames;
  std::vector<Numbers> values;
  long replays = 0;
};

Outcome train(const Recipe& recipe, bool recorded, const std::vector<long>& sizes) {
  nn::Init init{.seed = 5, .device = Device::cuda};
  const nn::MnistNet net(true, init);
  const nn::MnistMlp mlp(init);
  nn::Parameters parameters = recipe.reference ? net.parameters() : mlp.parameters();
  const nn::OptimizerOptions options{.weight_decay = 0.01, .max_norm = recipe.watched ? 0.5 : 0};
  std::unique_ptr<nn::Optimizer> optimizer;
  if (recipe.adam)
    optimizer = std::make_unique<nn::AdamW>(parameters, options);
  else
    optimizer = std::make_unique<nn::Sgd>(parameters, options, nn::SgdOptions{.momentum = 0.9});
  optimizer->watch({.every = recipe.watch_every});
  nn::StepGraphs graphs(*optimizer, recorded ? "" : "it is not asked for");

  std::map<long, std::pair<Tensor, Ids>> places;
  Storage number(Device::cuda, sizeof(std::uint32_t));
  Outcome out;
  std::vector<std::pair<Later, nn::Measured>> queued;
  for (std::uint32_t step = 0; step < sizes.size(); ++step) {
    const long n = sizes[step];
    auto& [images, labels] = places[n];
    if (!images.defined()) {
      images = Tensor({n, 1, 28, 28}, Dtype::f32, Device::cuda);
      labels = std::make_shared<std::vector<int>>(n);
    }
    images.assign(random_normal({n, 1, 28, 28}, Dtype::f32, 10 + step));
    std::vector<int> digits(n);
    for (long i = 0; i < n; ++i) digits[i] = int((3 * i + step) % 10);
    labels.assign(digits);
    number.write(&step);
    const RandomKey key{.seed = 9, .device_step = reinterpret_cast<const std::uint32_t*>(number.data())};
    const auto [loss, measured] =
        graphs.step(std::to_string(n), 0.01 / (1 + step), recipe.watched, [&, &images = images, &labels = labels] {
          optimizer->zero_grad();
          const Tensor mean = cross_entropy(recipe.reference ? net(images, net.noise(n, key)) : mlp(images), labels);
          backward(mean);
          return mean;
        });
    queued.emplace_back(Later(loss), measured);
    if (step == 0) continue;
    out.losses.push_back(queued[step - 1].first.get());
    out.frames.push_back(queued[step - 1].second.take());
  }
  out.losses.push_back(queued.back().first.get());
  out.frames.push_back(queued.back().second.take());
  for (const auto& group : {parameters, optimizer->state()})
    for (const auto& [name, tensor] : group) out.values.push_back(tensor.to_vector());
  out.replays = graphs.replays();
  return out;
}

void expect_the_same_bits(const Outcome& got, const Outcome& want) {
  EXPECT_EQ(got.losses, want.losses);
  EXPECT_EQ(got.values, want.values);
  for (size_t k = 0; k < want.frames.size(); ++k) {
    const nn::WatchFrame &g = got.frames[k], &w = want.frames[k];
    SCOPED_TRACE(::testing::Message() << "step " << k);
    EXPECT_EQ(g.step, w.step);
    EXPECT_EQ(g.lr, w.lr);
    EXPECT_EQ(g.global_norm, w.global_norm);
    EXPECT_EQ(g.clip_factor, w.clip_factor);
    EXPECT_TRUE(g.gradient == w.gradient && g.parameter == w.parameter && g.update == w.update &&
                g.clipped == w.clipped);
  }
}

TEST(StepGraphs, GiveTheBitsOfStepsThatAreLaunched) {
  for (bool reference : {false, true})
    for (bool adam : {false, true})
      for (bool watched : {false, true}) {
        SCOPED_TRACE(::testing::Message() << (reference ? "reference" : "mlp") << (adam ? ", adamw" : ", sgd")
                                          << (watched ? ", watched and clipped" : ", not watched"));
        const Recipe recipe{reference, adam, watched};
        const std::vector<long> sizes = {2, 2, 1, 2, 1, 1};
        const Outcome want = train(recipe, false, sizes), got = train(recipe, true, sizes);
        EXPECT_EQ(want.replays, 0);
        EXPECT_EQ(got.replays, 4);  // all but the first of either size
        EXPECT_EQ(want.frames[3].gradient.empty(), !watched);
        expect_the_same_bits(got, want);
      }
}

// Steps whose histograms are taken are other steps than those between them.
TEST(StepGraphs, EveryOtherStepIsWatched) {
  const Recipe recipe{.reference = false, .adam = true, .watched = true, .watch_every = 2};
  const std::vector<long> sizes(7, 3);
  const Outcome want = train(recipe, false, sizes), got = train(recipe, true, sizes);
  EXPECT_EQ(got.replays, 5);
  EXPECT_TRUE(got.frames[5].gradient.empty());
  EXPECT_FALSE(got.frames[6].gradient.empty());
  expect_the_same_bits(got, want);
}

struct Line {  // y = w x
  Line()
      : w(on_gpu({2}).reshape({1, 1})),
        x(on_gpu({3}).reshape({1, 1})),
        optimizer((w.set_needs_grad(true), Parameters{{"w", w}})) {}
  using Parameters = nn::Parameters;
  Tensor loss() {
    optimizer.zero_grad();
    const Tensor y = matmul(x, w).reshape({1});
    backward(y);
    return y;
  }
  Tensor w, x;
  nn::Sgd optimizer;
};

// Shapes that are seen once cost nothing; of those that come back a few are kept.
TEST(StepGraphs, KeepTheShapesThatComeBack) {
  Line line;
  std::vector<std::string> told;
  nn::StepGraphs graphs(line.optimizer, "", [&](bool recorded, const std::string& sentence) {
    EXPECT_TRUE(recorded);
    told.push_back(sentence);
  });
  const auto step = [&](const std::string& shape) {
    graphs.make_room_for(shape, false);
    Later(graphs.step(shape, 0.1, false, [&] { return line.loss(); }).loss).get();
    return graphs.replays();
  };
  for (int k = 0; k < 100; ++k) EXPECT_EQ(step("once " + std::to_string(k)), 0);
  EXPECT_EQ(graphs.graphs(), 0u);
  EXPECT_EQ(step("once 99"), 1);
  EXPECT_EQ(step("once 0"), 1);  // forgotten long ago
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].find("a step of once 99 is one graph of "), 0u) << told[0];
  for (const std::string shape : {"a", "b", "c", "d", "e"}) {
    step(shape);
    const long before = graphs.replays();
    EXPECT_EQ(step(shape), before + 1);
    EXPECT_LE(graphs.graphs(), nn::StepGraphs::kGraphs);
  }
  const long before = graphs.replays();
  EXPECT_EQ(step("e"), before + 1);
  EXPECT_EQ(step("b"), before + 2);
  EXPECT_EQ(step("a"), before + 2);  // dropped for "e", seen anew
  EXPECT_EQ(line.optimizer.steps(), 115);
}

TEST(StepGraphs, SayOnceWhyTheyDoNotAndGoOn) {
  Line line, unrecorded;
  std::vector<std::string> told;
  nn::StepGraphs graphs(line.optimizer, "", [&](bool recorded, const std::string& sentence) {
    EXPECT_FALSE(recorded);
    told.push_back(sentence);
  });
  for (int k = 0; k < 4; ++k) {
    graphs.step("line", 0.1, false, [&] {
      const Tensor y = line.loss();
      y.item();  // a host that is curious
      return y;
    });
    unrecorded.loss();
    unrecorded.optimizer.step(0.1);
  }
  EXPECT_EQ(told, std::vector<std::string>{"the step copies from or to memory of the host"});
  EXPECT_EQ(graphs.reason(), told[0]);
  EXPECT_FALSE(graphs.records());
  EXPECT_EQ(line.w.to_vector(), unrecorded.w.to_vector());
}

// A wait inside the work of a step is found, recorded or not.
TEST(StepGraphs, APlantedWaitIsNoticed) {
  setenv("HEARTBEAT_FORBID_WAITS", "1", 1);
  Line line;
  nn::StepGraphs graphs(line.optimizer, "");
  for (bool planted : {false, true}) {
    const cuda::ForbidWaits no_waits;
    graphs.step(planted ? "curious" : "line", 0.1, true, [&] {
      const Tensor y = line.loss();
      if (planted) y.item();
      return y;
    });
    if (planted)
      EXPECT_THROW(no_waits.expect_none("step"), std::logic_error);
    else
      no_waits.expect_none("step");
  }
  unsetenv("HEARTBEAT_FORBID_WAITS");
}

TEST(StepGraphs, StayAwayFromTheCpu) {
  const Tensor w = Tensor::zeros({1});
  nn::Sgd optimizer({{"w", w}});
  EXPECT_EQ(nn::StepGraphs(optimizer, "").reason(), "the run is on the cpu");
}

}  // namespace
}  // namespace heartbeat::testing
